"""Call logs that can be found by call, kept and pruned."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Call logs that can be found by call, kept and pruned."""
