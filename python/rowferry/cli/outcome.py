"""How a command ends: exit codes, and failures that end it."""

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
    """Print one object on one line, at once: a pipe's reader does not wait for the next."""
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    sys.stdout.flush()
