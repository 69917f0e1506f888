"""Download links: what one promises, and when the promise holds.

A link is a bearer capability. It seals whose file it is, which one and until when; whoever has
it may download. How it is sealed is an adapter's matter.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from rowferry.domain.task import Task, TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkClaim:
    """What a link seals: the file of one attempt of one client's task, until ``expires_at``.

    ``expires_at`` is UTC in whole seconds, so that every answer about a task has the same link.
    """

    client: str
    task_id: str
    attempt: int
    expires_at: datetime

    def expired(self, now: datetime) -> bool:
        """Tell whether the link's time is over."""
        return now >= self.expires_at

    def opens(self, task: Task) -> bool:
        """Tell whether the task still has the file that the link was made for."""
        sealed = (self.client, self.task_id, self.attempt)
        return task.state is TaskState.COMPLETED and sealed == (task.client, task.id, task.attempt)


def link_claim(task: Task) -> LinkClaim | None:
    """Give what a link to the task's file seals; None while there is no file to link to."""
    if task.state is not TaskState.COMPLETED or task.link_expires_at is None:
        return None
    return LinkClaim(
        client=task.client,
        task_id=task.id,
        attempt=task.attempt,
        expires_at=task.link_expires_at.astimezone(UTC).replace(microsecond=0),
    )
