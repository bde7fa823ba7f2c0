"""Files are found by their key in the store: by whoever removes what nobody names any more."""

from alembic import op

revision = "0009"
down_revision = "0008"

# It stood in 0007 for an hour, so a database may have it already.
KEYS = "CREATE INDEX IF NOT EXISTS ix_recording_files_s3_key ON recording_files (s3_key)"


def upgrade() -> None:
    """Bring a database from 0008 here."""
    op.execute(KEYS)
