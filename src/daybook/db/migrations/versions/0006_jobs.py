"""Background jobs: their record, their steps, and what administrators set for their types."""

from alembic import op

from daybook.db.script import statements

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TYPE job_status AS ENUM ('pending', 'processing', 'success', 'failed', 'cancelled');

CREATE TABLE inference_jobs (
    id UUID NOT NULL,
    type VARCHAR(128) NOT NULL,
    status job_status DEFAULT 'pending' NOT NULL,
    input_type VARCHAR(128) NOT NULL,
    input_url TEXT,
    trace_id VARCHAR(64),
    error_code VARCHAR(64),
    error_message TEXT,
    user_id INTEGER,
    params JSONB,
    metrics JSONB,
    subject VARCHAR(255),
    phase VARCHAR(64),
    attempts INTEGER DEFAULT 0 NOT NULL,
    next_attempt_at TIMESTAMPTZ,
    cancel_requested_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT pk_inference_jobs PRIMARY KEY (id),
    CONSTRAINT fk_inference_jobs_user_id_users FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX ix_inference_jobs_status_type ON inference_jobs (status, type);
CREATE INDEX ix_inference_jobs_trace_id ON inference_jobs (trace_id);
CREATE INDEX ix_inference_jobs_user_id_created_at ON inference_jobs (user_id, created_at);
CREATE UNIQUE INDEX uq_inference_jobs_active_subject ON inference_jobs (type, subject)
    WHERE status IN ('pending', 'processing');

CREATE TABLE job_steps (
    job_id UUID NOT NULL,
    name VARCHAR(128) NOT NULL,
    attempt INTEGER DEFAULT 0 NOT NULL,
    call_id UUID,
    result JSONB,
    finished_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT pk_job_steps PRIMARY KEY (job_id, name),
    CONSTRAINT fk_job_steps_job_id_inference_jobs
        FOREIGN KEY (job_id) REFERENCES inference_jobs (id) ON DELETE CASCADE
);

CREATE TABLE job_type_controls (
    type VARCHAR(128) NOT NULL,
    paused BOOLEAN DEFAULT false NOT NULL,
    concurrency INTEGER,
    updated_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT pk_job_type_controls PRIMARY KEY (type)
);
"""


def upgrade() -> None:
    """Add them."""
    for statement in statements(TABLES):
        op.execute(statement)
