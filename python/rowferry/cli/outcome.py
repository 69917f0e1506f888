"""How a command ends: exit codes, and failures that end it."""

import io
import json
import os
import sys
from enum import IntEnum

import msgspec


class ExitCode(IntEnum):
    """The process's exit code, which scripts rely on."""

    DONE = 0
    EXPORT_FAILED = 1  # refused, failed, cancelled, or the file is not what was sent
    USAGE = 2  # wrong arguments, settings or input file
    UNREACHABLE = 3
    INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class CommandError(Exception):
    """Ends a command: ``code`` is a stable word, ``message`` a sentence for people."""

    def __init__(
        self,
        exit_code: ExitCode,
        code: str,
        message: str,
        context: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code
        self.message = message
        self.context = context or {}


def usage_error(message: str) -> CommandError:
    """Build the end of a command that was called wrongly."""
    return CommandError(ExitCode.USAGE, "USAGE", message)


def reported(error: CommandError, *, as_json: bool) -> SystemExit:
    """Tell of a failure, on stdout as JSON or on stderr for people; give the exit to raise."""
    if as_json:
        document = {"code": error.code, "message": error.message, "context": error.context}
        print_json({"error": document})
    else:
        sys.stderr.write(f"rowferry: {error.code}: {error.message}\n")
        for name, value in error.context.items():
            sys.stderr.write(f"  {name}: {value}\n")
    return SystemExit(error.exit_code)


def print_json(document: object) -> None:
    """Print one object on one line, in ASCII: every reader takes that, and names of any bytes."""
    print_text(json.dumps(msgspec.to_builtins(document), separators=(",", ":")) + "\n")


def print_text(text: str) -> None:
    """Print at once: a pipe's reader does not wait for more. End the process if it can't be."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # the reader has left: typer ends the process without a word
    except OSError as exc:
        # What is left in the buffer would be tried, and told of, once more at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"rowferry: OUTPUT: stdout can't be written: {exc.strerror}\n")
        raise SystemExit(ExitCode.EXPORT_FAILED) from exc


def escape_unprintable() -> None:
    """Have stdout escape what its encoding does not know, as stderr does: file names, mostly."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def open_closed_streams() -> None:
    """Have something in place of standard streams that the caller has closed.

    Else the next file or connection would get their number, and what is written to them.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # The numbers before it are taken, so it gets this one.
            device = os.open(os.devnull, os.O_RDWR)
            assert device == number  # noqa: S101
            setattr(sys, name, os.fdopen(device, "w" if number else "r"))
