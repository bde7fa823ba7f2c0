"""Checks of conversations: their token counts against the lines of the ledger."""

from daybook.ledger.posting import ADJUSTMENT
from daybook.ledger.verification.checks import Check, counter

_OF_TURNS = """
    SELECT conversation_id AS key, total_tokens AS tokens FROM llm_tracker_usage
    WHERE posted_by = 'turn' AND conversation_id IS NOT NULL
"""

_OF_EVENTS = f"""
    SELECT coalesce(line.conversation_id, lower(event.payload ->> 'conversation_id')), line.total_tokens
    FROM llm_tracker_usage AS line
    JOIN outbox_events AS event ON event.key = line.id::text AND event.type = '{ADJUSTMENT}'
    WHERE line.posted_by = 'outbox' AND event.status = 'consumed'
"""  # noqa: S608  (our own name)

CHECKS = (
    counter(
        "agent_chats.tokens_total",
        f"""
        SELECT key, sum(tokens) AS tokens FROM ({_OF_TURNS} UNION ALL {_OF_EVENTS}) AS taken (key, tokens)
        GROUP BY key
        """,  # noqa: S608  (our own names)
        id_column="chat_id",
    ),
    # The lines do not show which of several messages is wrong, so no repair touches them.
    Check(
        "chat_histories.tokens_consumed",
        f"""
        SELECT jsonb_build_object('chat_id', chat_id) AS key, to_jsonb(said.tokens) AS stored,
            to_jsonb(coalesce(summed.tokens, 0)) AS expected
        FROM (SELECT chat_id, sum(tokens_consumed) AS tokens FROM chat_histories GROUP BY chat_id) AS said
        LEFT JOIN (SELECT key, sum(tokens) AS tokens FROM ({_OF_TURNS}) AS turns GROUP BY key) AS summed
            ON summed.key = said.chat_id
        WHERE said.tokens <> coalesce(summed.tokens, 0)
        """,  # noqa: S608  (our own names)
    ),
)
