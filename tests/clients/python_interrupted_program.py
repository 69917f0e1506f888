"""Wait for a task that never ends, until Ctrl+C; then use the same client again: ADDRESS."""

import sys

from rowferry.client import sync


def main(address: str) -> None:
    """Wait and tell."""
    with sync.Client(address) as client:
        with client.open(columns=["A"]) as export:
            task_id = export.progress.task_id
            try:
                client.wait(task_id, on_progress=lambda _: _tell("waiting"))
            except KeyboardInterrupt:
                _tell("interrupted")
        if client.cancel(task_id).state == "cancelled":
            _tell("still works")


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
