"""Lines are only added, a cost is a finite number, changed budgets are notified, and videos are not films."""

from alembic import op

from daybook.db.script import statements

revision = "0011"
down_revision = "0010"

NOT_FINITE = "('NaN', 'Infinity', '-Infinity')"
SUMS = {
    "ledger_hours": "hour, user_id, group_id, code, model, source, provider",
    "ledger_days": "day, user_id, group_id, code, model, source, provider",
    "ledger_cube_hours": "hour, group_id, model, source",
    "ledger_cube_days": "day, group_id, model, source",
    "ledger_dimension_hours": "hour, dimension, value, source",
    "ledger_dimension_days": "day, dimension, value, source",
}


def summed_again(table: str, key: str) -> str:
    """Compute the cost of each row of `table` that is not finite from its lines."""
    unit, *others = key.split(", ")
    same = " AND ".join(f"line.{name} IS NOT DISTINCT FROM stands.{name}" for name in others)
    if "dimension" in others:
        same = """line.source = stands.source AND stands.value =
            CASE stands.dimension WHEN 'model' THEN line.model ELSE coalesce(line.group_id::text, '') END"""
    return f"""
    UPDATE {table} AS stands SET (cost, unpriced_calls) = (
        SELECT coalesce(sum(line.cost), 0), count(*) - count(line.cost) FROM llm_tracker_usage AS line
        WHERE line.created_at >= stands.{unit} AND line.created_at < stands.{unit} + interval '1 {unit}' AND {same}
    ) WHERE stands.cost IN {NOT_FINITE};
    """  # noqa: S608  (our own names)


# An unknown cost takes what the call held, as in `ledger/budgets/settling.py`. What a budget began with is the cost of
# the lines of its period that it did not settle.
COSTS = f"""
LOCK TABLE llm_tracker_usage IN ACCESS EXCLUSIVE MODE;
UPDATE llm_tracker_usage SET cost = NULL WHERE cost IN {NOT_FINITE};
ALTER TABLE llm_tracker_usage ADD CONSTRAINT ck_llm_tracker_usage_cost CHECK (cost NOT IN {NOT_FINITE});
{"".join(summed_again(table, key) for table, key in SUMS.items())}

UPDATE budget_settlements SET used = held WHERE used IN {NOT_FINITE};
UPDATE budget_periods AS stands SET opening = (
    SELECT coalesce(sum(line.cost), 0) FROM budgets AS budget JOIN llm_tracker_usage AS line
    ON CASE budget.subject
        WHEN 'code' THEN line.code = (SELECT public_id FROM activation_codes WHERE id = budget.subject_id)
        WHEN 'group' THEN line.group_id = budget.subject_id
        ELSE line.user_id = budget.subject_id END
    WHERE budget.id = stands.budget_id AND line.source <> 'library'
        AND line.created_at >= stands.period_start::timestamp AT TIME ZONE 'UTC'
        AND line.created_at <
            (stands.period_start + ('1 ' || budget.period)::interval)::timestamp AT TIME ZONE 'UTC'
        AND NOT EXISTS (SELECT FROM budget_settlements WHERE call_id = line.id AND budget_id = budget.id)
) WHERE opening IN {NOT_FINITE};
UPDATE budget_periods AS stands SET (used, overrun) = (
    SELECT stands.opening + coalesce(sum(one.used), 0),
        coalesce(sum(greatest(one.used - one.held, 0)) FILTER (WHERE budget.hard), 0)
    FROM budget_settlements AS one JOIN budgets AS budget ON budget.id = one.budget_id
    WHERE one.budget_id = stands.budget_id AND one.period_start = stands.period_start
) WHERE used IN {NOT_FINITE} OR overrun IN {NOT_FINITE};
"""  # noqa: S608  (our own names)

# Refuse by statement, so that the answer does not depend on the rows that match, and by row: a statement that names a
# table from which this one inherits fires no other trigger. ALWAYS holds in `session_replication_role = replica` too.
# docs/decisions/0022-lines-stay.md has the setting that lets a transaction pass.
REFUSAL = """
CREATE FUNCTION ledger_lines_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('daybook.ledger_change', true), '')
        NOT IN ('adopt ' || pg_current_xact_id(), 'erase ' || pg_current_xact_id())
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'LG001',
            MESSAGE = 'Lines of the ledger cannot be changed or removed: ' || TG_OP || ' of llm_tracker_usage refused.',
            HINT = 'Lines are only added. "daybook ledger verify" finds wrong ones, "daybook ledger repair" '
                'corrects totals.';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        RETURN NEW;
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER ledger_lines_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON llm_tracker_usage
FOR EACH STATEMENT EXECUTE FUNCTION ledger_lines_stay();
CREATE TRIGGER ledger_lines_stay_by_row BEFORE UPDATE OR DELETE ON llm_tracker_usage
FOR EACH ROW EXECUTE FUNCTION ledger_lines_stay();
ALTER TABLE llm_tracker_usage ENABLE ALWAYS TRIGGER ledger_lines_stay;
ALTER TABLE llm_tracker_usage ENABLE ALWAYS TRIGGER ledger_lines_stay_by_row;
"""

NOTIFICATION = """
CREATE FUNCTION budgets_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('daybook_budgets', '');
    RETURN NULL;
END $$;

CREATE TRIGGER budgets_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON budgets
FOR EACH STATEMENT EXECUTE FUNCTION budgets_changed();
"""


def renamed(table: str) -> str:
    """Give stored error codes the names that they have now."""
    return f"""
    UPDATE {table} SET error_code = renamed.code FROM (VALUES
        ('not_a_film', 'not_a_video'), ('truncated_film', 'truncated_video'), ('encrypted_film', 'encrypted_video'),
        ('film_too_long', 'video_too_long'), ('undecodable_film', 'undecodable_video'),
        ('film_undecodable', 'video_undecodable'), ('database_away', 'database_unavailable')
    ) AS renamed (former, code) WHERE error_code = renamed.former;
    """  # noqa: S608  (our own names)


def upgrade() -> None:
    """Bring a database from 0010 here."""
    for script in (COSTS, REFUSAL, NOTIFICATION, renamed("uploads") + renamed("inference_jobs")):
        for statement in statements(script):
            op.execute(statement)
