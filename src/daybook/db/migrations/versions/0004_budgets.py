"""Budgets, their leases and holds."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Budgets, their leases and holds."""
