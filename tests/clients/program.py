"""A program that uses a client, and tells what happens in lines of JSON with an ``event``."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Timer
from typing import Any, Final

RUN_SECONDS: Final = 120.0

Told = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A running program."""

    process: subprocess.Popen[str]

    def wait_for(self, event: str) -> Told:
        """Give the next event of a name; those before it are passed over."""
        assert self.process.stdout is not None
        before = []
        for line in self.process.stdout:
            before.append(line)
            told: Told = json.loads(line)
            if told["event"] == event:
                return told
        raise AssertionError(f"{event} was not told, but: {before[-20:]}")

    def go_on(self) -> None:
        """Open the gate at which the program waits."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def rest(self) -> list[Told]:
        """Wait for the end and give what was told until then."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):  # it may have ended already
            self.process.stdin.close()
        # Not `communicate`: that would pass over what `wait_for` has read ahead.
        limit = Timer(RUN_SECONDS, self.process.kill)
        limit.start()
        try:
            output = self.process.stdout.read()
            code = self.process.wait()
        finally:
            limit.cancel()
            limit.join()
        assert code == 0, output
        return [json.loads(line) for line in output.splitlines()]


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Program]:
    """Run a command until the block ends."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield Program(process=process)
        finally:
            process.kill()
