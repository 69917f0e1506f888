"""What clients are shown of a task: its state, and what only the running service knows."""

from dataclasses import dataclass

from rowferry.domain.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskView:
    """A task as of now.

    ``remaining_seconds`` -1 = unknown; ``next_sequence`` 0 = takes no rows; ``link`` "" = no file;
    ``file_bytes`` = of the file so far, while it is written or stored here.
    """

    task: Task
    rows_per_second: float = 0.0
    remaining_seconds: int = -1
    next_sequence: int = 0
    file_bytes: int = 0
    link: str = ""
