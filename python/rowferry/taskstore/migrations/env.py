"""Alembic runs this file to run migrations; the connection's owner commits them."""

from alembic import context

from rowferry.taskstore.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes few things of a table but by making it anew
)
context.run_migrations()
