"""Tasks, as many as there are: pages are asked for as they are needed."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, Self

from rowferry.client.results import Task, task_of
from rowferry.client.spec import (
    Format,
    TaskState,
    format_message,
    moment_message,
    state_message,
)
from rowferry.v1 import export_pb2 as pb

PAGE_SIZE: Final = 200


class TaskList:
    """An iterator over tasks, newest first."""

    def __init__(
        self,
        ask: Callable[[pb.ListTasksRequest], Awaitable[pb.ListTasksResponse]],
        request: pb.ListTasksRequest,
    ) -> None:
        self._ask = ask
        self._request = request
        self._page: list[pb.TaskStatus] = []  # in reverse
        self._more = True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Task:
        while not self._page and self._more:
            answer = await self._ask(self._request)
            self._page = [*reversed(answer.tasks)]
            self._request.page_token = answer.next_page_token
            self._more = bool(answer.next_page_token)
        if not self._page:
            raise StopAsyncIteration
        return task_of(self._page.pop())


def list_request(
    *,
    states: Sequence[TaskState | str],
    formats: Sequence[Format | str],
    filename_contains: str,
    owner: str,
    created_after: datetime | None,
    created_before: datetime | None,
) -> pb.ListTasksRequest:
    """Build the question for the first page.

    Raises InvalidRequestError for words that are not known and moments without a timezone.
    """
    request = pb.ListTasksRequest(
        states=[state_message(state) for state in states],
        formats=[format_message(file_format) for file_format in formats],
        filename_contains=filename_contains,
        owner=owner,
        page_size=PAGE_SIZE,
    )
    if created_after is not None:
        request.created_after.CopyFrom(moment_message(created_after, "created_after"))
    if created_before is not None:
        request.created_before.CopyFrom(moment_message(created_before, "created_before"))
    return request
