"""Which storage has a task's object, the upload it is made by, and what tells that it is whole."""

import sqlalchemy as sa
from alembic import op

from rowferry.taskstore.migrations.steps import add_columns

revision = "0004"
down_revision = "0003"

COLUMNS = (("storage", 16), ("upload_id", 255), ("object_crc64", 16))


def upgrade() -> None:
    """Add the columns; objects there are lie on local disk, the only storage so far."""
    add_columns(
        "task",
        *(
            sa.Column(name, sa.String(length), nullable=False, server_default="")
            for name, length in COLUMNS
        ),
    )
    task = sa.table("task", sa.column("storage"), sa.column("object_key"))
    in_storage = (task.c.object_key != "") & (task.c.storage == "")
    op.get_bind().execute(sa.update(task).where(in_storage).values(storage="local"))
