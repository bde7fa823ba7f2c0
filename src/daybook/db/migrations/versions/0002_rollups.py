"""Totals by the hour."""

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Totals by the hour."""
