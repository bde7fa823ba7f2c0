"""Events, and the conversations that the first of them is about."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Events, and the conversations that the first of them is about."""
