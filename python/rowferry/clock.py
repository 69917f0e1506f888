"""The time of day, as what needs it is given it: rules and use cases never look themselves."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Give the time of day."""
    return datetime.now(UTC)
