"""Checks of the lines themselves, and of lines against call logs. No repair touches either."""

from daybook.ledger.verification.checks import Check

_RULES = {
    # If the sum exceeds the column, the total is cut to fit it.
    "total_tokens = prompt_tokens + completion_tokens": (
        "total_tokens <> least(prompt_tokens::bigint + completion_tokens, 2147483647)",
        ("prompt_tokens", "completion_tokens", "total_tokens"),
    ),
    "cached_tokens <= prompt_tokens": ("cached_tokens > prompt_tokens", ("cached_tokens", "prompt_tokens")),
    "reasoning_tokens <= completion_tokens": (
        "reasoning_tokens > completion_tokens",
        ("reasoning_tokens", "completion_tokens"),
    ),
    "no number is negative": (
        """
        least(prompt_tokens, completion_tokens, total_tokens, cached_tokens, reasoning_tokens,
            coalesce(duration_ms, 0), assistant_replies) < 0 OR cost < 0 OR cost IN ('NaN', 'Infinity')
        """,
        (
            "prompt_tokens",
            "completion_tokens",
            "total_tokens",
            "cached_tokens",
            "reasoning_tokens",
            "cost",
            "duration_ms",
            "assistant_replies",
        ),
    ),
}


def _told(columns: tuple[str, ...]) -> str:
    """The columns as JSON; money as text, to be exact."""
    return ", ".join(f"'{name}', {name}{'::text' if name == 'cost' else ''}" for name in columns)


_BROKEN = ", ".join(
    f"('{rule}', {broken}, jsonb_build_object({_told(columns)}))"
    for rule, (broken, columns) in _RULES.items()
)

LINES = Check(
    "llm_tracker_usage",
    f"""
    SELECT jsonb_build_object('id', id) AS key, rules.row AS stored, to_jsonb(rules.rule) AS expected
    FROM llm_tracker_usage, LATERAL (VALUES {_BROKEN}) AS rules (rule, broken, row)
    WHERE ({" OR ".join(f"({broken})" for broken, _ in _RULES.values())}) AND rules.broken
    """,  # noqa: S608  (our own names)
)

LOGS = Check(
    "llm_call_logs",
    # A call log holds its line's numbers. Lines that passed no gateway have no log.
    """
    SELECT
        CASE WHEN log.id IS NULL THEN jsonb_build_object('usage_id', line.id)
            ELSE jsonb_build_object('id', log.id, 'usage_id', log.usage_id) END AS key,
        CASE WHEN log.id IS NOT NULL THEN jsonb_build_object('tokens_used', log.tokens_used,
            'prompt_tokens', log.prompt_tokens, 'completion_tokens', log.completion_tokens, 'status', log.status,
            'activation_code', log.activation_code, 'group_id', log.group_id) END AS stored,
        CASE WHEN line.id IS NOT NULL THEN jsonb_build_object('tokens_used', line.total_tokens,
            'prompt_tokens', line.prompt_tokens, 'completion_tokens', line.completion_tokens, 'status', line.status,
            'activation_code', line.code, 'group_id', line.group_id) END AS expected
    FROM (
        SELECT id, prompt_tokens, completion_tokens, total_tokens, code, group_id,
            CASE WHEN success THEN 'success' ELSE 'error' END AS status,
            (source = 'gateway' OR (source <> 'library' AND metadata ->> 'source_type' IN ('internal', 'house')))
                AND date_trunc('month', created_at AT TIME ZONE 'UTC')::date NOT IN
                (SELECT month FROM pruned_months) AS is_logged
        FROM llm_tracker_usage
    ) AS line
    FULL JOIN (
        SELECT id, usage_id, tokens_used, prompt_tokens, completion_tokens, status, activation_code, group_id
        FROM llm_call_logs WHERE usage_id IS NOT NULL
    ) AS log ON log.usage_id = line.id
    WHERE CASE WHEN log.id IS NULL THEN line.is_logged
        ELSE line.id IS NULL OR (log.tokens_used, log.prompt_tokens, log.completion_tokens, log.status,
                log.activation_code, log.group_id)
            IS DISTINCT FROM (line.total_tokens, line.prompt_tokens, line.completion_tokens, line.status,
                line.code, line.group_id) END
    """,
)

TWICE = Check(
    "llm_call_logs of one line",
    """
    SELECT jsonb_build_object('usage_id', usage_id) AS key, jsonb_build_object('logs', count(*)) AS stored,
        jsonb_build_object('logs', 1) AS expected
    FROM llm_call_logs WHERE usage_id IS NOT NULL GROUP BY usage_id HAVING count(*) > 1
    """,
)

CHECKS = (LINES, LOGS, TWICE)
