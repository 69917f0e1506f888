"""The two judgements of a change of state that every store makes alike."""

from dataclasses import replace

from rowferry.domain.errors import RowferryError
from rowferry.domain.task import Task, TaskState, check_transition, state_error


def check_change(task: Task, expected: TaskState) -> None:
    """Raise INVALID_STATE unless a task may go from ``expected`` to the state it is to have."""
    check_transition(replace(task, state=expected), task.state)


def changed_meanwhile(task: Task, expected: TaskState) -> RowferryError:
    """Build the refusal of a change that somebody else was faster than."""
    was = replace(task, state=expected)
    return state_error(was, "The task was changed by somebody else meanwhile.")
