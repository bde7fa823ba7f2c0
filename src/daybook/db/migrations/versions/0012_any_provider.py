"""Configurations of any provider: the program knows the names, and a later version may know more."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Bring a database from 0011 here."""
    op.execute("ALTER TABLE llm_configs DROP CONSTRAINT ck_llm_configs_provider")
