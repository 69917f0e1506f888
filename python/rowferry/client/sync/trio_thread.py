"""A thread that runs trio, and calls into it from any other thread."""

import math
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from typing import Final, Generic, Self, TypeVar

import trio

from rowferry.client.errors import DeadlineExceededError
from rowferry.client.home_process import HomeProcess

STOP_SECONDS: Final = 5.0
_Answer = TypeVar("_Answer")


class ThreadStoppedError(RuntimeError):
    """The thread was stopped before the call had an answer."""


class Pending(Generic[_Answer]):
    """A call that runs in the thread."""

    def __init__(self, thread: "TrioThread") -> None:
        self._thread = thread
        self._scope = trio.CancelScope()
        self._outcome: Future[_Answer] = Future()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the call if it still runs: the caller has stopped waiting, by Ctrl+C perhaps."""
        self.cancel()

    def result(self, timeout_seconds: float = math.inf) -> _Answer:
        """Wait for the answer; raise DeadlineExceededError."""
        return answer_of(self._outcome, timeout_seconds)

    @property
    def failure(self) -> BaseException | None:
        """Give what the call failed with, once it has ended."""
        return self._outcome.exception()

    def when_done(self, tell: Callable[[], None]) -> None:
        """Have a function called, by any thread, once there is an answer."""
        self._outcome.add_done_callback(lambda _: tell())

    def cancel(self) -> None:
        """End the call if it still runs."""
        if not self._outcome.done():
            self._thread.tell(self._scope.cancel)

    async def run(self, operation: Callable[[], Awaitable[_Answer]]) -> None:
        """Run in the thread what was asked for, and pass on what came of it."""
        try:
            with self._scope:
                answer = await operation()
                self._outcome.set_result(answer)
        except Exception as exc:  # noqa: BLE001  it belongs to the caller
            self._outcome.set_exception(exc)
        finally:
            if not self._outcome.done():
                self._outcome.set_exception(ThreadStoppedError("The client was closed."))


class TrioThread:
    """The thread. It never keeps the interpreter from ending."""

    def __init__(self) -> None:
        self.home: Final = HomeProcess()
        self._begun: Future[tuple[trio.lowlevel.TrioToken, trio.Nursery]] = Future()
        self._stop = trio.Event()
        self._thread = threading.Thread(
            target=trio.run, args=(self._run,), name="rowferry client", daemon=True
        )
        self._thread.start()
        self._token, self._nursery = self._begun.result()

    def begin(self, operation: Callable[[], Awaitable[_Answer]]) -> Pending[_Answer]:
        """Begin a call; raise ThreadStoppedError when the thread was stopped, or ForkedError."""
        self.home.check()
        pending: Pending[_Answer] = Pending(self)
        try:
            self._token.run_sync_soon(self._nursery.start_soon, pending.run, operation)
        except trio.RunFinishedError:
            raise ThreadStoppedError("The client was closed.") from None
        return pending

    def call(
        self, operation: Callable[[], Awaitable[_Answer]], timeout_seconds: float = math.inf
    ) -> _Answer:
        """Call and wait for the answer."""
        with self.begin(operation) as pending:
            return pending.result(timeout_seconds)

    def tell(self, function: Callable[[], None]) -> None:
        """Have a function called in the thread; one that was stopped needs to hear nothing."""
        if not self.home.is_here:
            return  # a fork has no threads, and perhaps locks that nobody opens any more
        try:
            self._token.run_sync_soon(function)
        except trio.RunFinishedError:
            return

    def stop(self) -> None:
        """End the thread with all that runs in it."""
        self.tell(self._stop.set)
        if self.home.is_here and threading.current_thread() is not self._thread:
            self._thread.join(STOP_SECONDS)

    async def _run(self) -> None:
        async with trio.open_nursery() as nursery:
            self._begun.set_result((trio.lowlevel.current_trio_token(), nursery))
            await self._stop.wait()
            nursery.cancel_scope.cancel()


class Held(Generic[_Answer]):
    """An asynchronous context that is open in a thread until ``leave``."""

    def __init__(
        self,
        thread: TrioThread,
        context: Callable[[], AbstractAsyncContextManager[_Answer]],
        timeout_seconds: float = math.inf,
    ) -> None:
        """Enter it and wait until that is done; raise what entering raises."""
        self._context = context
        self._thread = thread
        self._leave = trio.Event()
        self._entered: Future[_Answer] = Future()
        self._holding = thread.begin(self._hold)
        self._holding.when_done(self._ended)
        try:
            self.value = answer_of(self._entered, timeout_seconds)
        except BaseException:
            self._holding.cancel()
            raise

    def leave(self) -> None:
        """Leave the context and wait until that is done; in a fork, leave it to the parent."""
        if not self._thread.home.is_here:
            return
        self._thread.tell(self._leave.set)
        try:
            self._holding.result()
        except ThreadStoppedError:
            return

    async def _hold(self) -> None:
        async with self._context() as value:
            self._entered.set_result(value)
            await self._leave.wait()

    def _ended(self) -> None:
        if not self._entered.done():
            self._entered.set_exception(self._holding.failure or ThreadStoppedError())


def answer_of(future: Future[_Answer], timeout_seconds: float) -> _Answer:
    """Wait for what another thread gives; raise DeadlineExceededError."""
    try:
        return future.result(None if timeout_seconds == math.inf else max(0.0, timeout_seconds))
    except TimeoutError:
        if future.done():
            raise
        message = f"There was no answer within {timeout_seconds:.3g} s."
        raise DeadlineExceededError("DEADLINE_EXCEEDED", message) from None
