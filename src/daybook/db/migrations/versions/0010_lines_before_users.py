"""A user who comes after lines that name them begins with their tokens: programs that write lines with the library name
whom they like, and an older history may be copied in before the people.
"""

from alembic import op

revision = "0010"
down_revision = "0009"

FUNCTION = """
CREATE FUNCTION ledger_total_of_new_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.token_usage := coalesce(
        (SELECT sum(total_tokens) FROM llm_tracker_usage WHERE user_id = NEW.id AND posted_by = 'trigger'),
        NEW.token_usage
    );
    RETURN NEW;
END $$
"""

TRIGGER = """
CREATE TRIGGER ledger_total_of_new_user BEFORE INSERT ON users
FOR EACH ROW EXECUTE FUNCTION ledger_total_of_new_user()
"""


def upgrade() -> None:
    """Bring a database from 0009 here."""
    op.execute(FUNCTION)
    op.execute(TRIGGER)
