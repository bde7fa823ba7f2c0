"""Call logs that are found by call, pruned by month and stored small; answers kept for repeated requests."""

from alembic import op

from daybook.db.script import statements

revision = "0005"
down_revision = "0004"

# Old rows have no call id. Those that have one are there once, whoever ships them again.
CALL_ID = """
ALTER TABLE llm_call_logs ADD COLUMN call_id UUID;
ALTER TABLE llm_call_logs ADD CONSTRAINT uq_llm_call_logs_call_id_call_time UNIQUE (call_id, call_time);
"""

# lz4 where the server was built with it, else the default. Partitions take over what the parent has when they
# are made; those that are there already are told.
COMPRESSION = """
DO $$
DECLARE
    place record;
BEGIN
    IF 'lz4' = ANY ((SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression')::text[]) THEN
        FOR place IN
            SELECT tree.relid AS partition, named.payload
            FROM pg_partition_tree('llm_call_logs') AS tree,
                 unnest(ARRAY['request_messages', 'request_params', 'response_content', 'response_data'])
                     AS named (payload)
        LOOP
            EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET COMPRESSION lz4', place.partition, place.payload);
        END LOOP;
    END IF;
END $$;
"""

TABLES = """
CREATE TABLE pruned_months (
    month DATE NOT NULL CONSTRAINT pk_pruned_months PRIMARY KEY,
    rows BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    pruned_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE idempotent_calls (
    code_id INTEGER NOT NULL,
    key_hash BYTEA NOT NULL,
    request_hash BYTEA NOT NULL,
    call_id UUID NOT NULL,
    owner VARCHAR(64) NOT NULL,
    closed BOOLEAN NOT NULL DEFAULT false,
    status SMALLINT,
    headers JSONB,
    body BYTEA,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    expires_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_idempotent_calls PRIMARY KEY (code_id, key_hash)
);
CREATE INDEX ix_idempotent_calls_expires_at ON idempotent_calls (expires_at);
CREATE INDEX ix_idempotent_calls_owner ON idempotent_calls (owner);
"""


def upgrade() -> None:
    """Add them."""
    for script in (CALL_ID, COMPRESSION, TABLES):
        for statement in statements(script):
            op.execute(statement)
