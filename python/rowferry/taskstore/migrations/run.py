"""Alembic, as far as it is needed: the only module whose import costs its memory."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def alembic_config() -> Config:
    """Point Alembic at the migrations in this package."""
    config = Config()
    config.set_main_option("script_location", "rowferry.taskstore:migrations")
    config.set_main_option("path_separator", "os")
    return config


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run what the database lacks up to a revision, in the connection's transaction."""
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
