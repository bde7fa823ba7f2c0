"""Recordings, uploads, events and the diary."""

from alembic import op

from daybook.db.script import statements

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE TABLE recordings (
    id UUID NOT NULL,
    user_id INTEGER NOT NULL,
    name VARCHAR(255),
    s3_key TEXT,
    thumbnail_s3_key TEXT,
    content_type VARCHAR(128),
    start_time TIMESTAMPTZ,
    end_time TIMESTAMPTZ,
    time_source VARCHAR(32),
    timezone VARCHAR(64),
    duration DOUBLE PRECISION,
    size_bytes BIGINT,
    is_processed BOOLEAN DEFAULT false NOT NULL,
    chapters_key VARCHAR(255),
    video_metadata JSONB,
    updated_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT pk_recordings PRIMARY KEY (id),
    CONSTRAINT fk_recordings_user_id_users FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX ix_recordings_user_id_start_time ON recordings (user_id, start_time);
CREATE INDEX ix_recordings_user_id_chapters_key ON recordings (user_id, chapters_key);

CREATE TABLE recording_files (
    id UUID NOT NULL,
    recording_id UUID NOT NULL,
    user_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name VARCHAR(255) NOT NULL,
    s3_key TEXT NOT NULL,
    preview_s3_key TEXT,
    sha256 BYTEA NOT NULL,
    size_bytes BIGINT NOT NULL,
    duration DOUBLE PRECISION NOT NULL,
    starts_at DOUBLE PRECISION DEFAULT 0 NOT NULL,
    is_processed BOOLEAN DEFAULT false NOT NULL,
    processing_job_id UUID,
    extraction_job_id UUID,
    video_metadata JSONB,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT pk_recording_files PRIMARY KEY (id),
    CONSTRAINT uq_recording_files_user_id_sha256 UNIQUE (user_id, sha256),
    CONSTRAINT fk_recording_files_recording_id_recordings
        FOREIGN KEY (recording_id) REFERENCES recordings (id) ON DELETE CASCADE,
    CONSTRAINT fk_recording_files_user_id_users FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX ix_recording_files_recording_id_position ON recording_files (recording_id, position);

CREATE TABLE uploads (
    id UUID NOT NULL,
    user_id INTEGER NOT NULL,
    name VARCHAR(255) NOT NULL,
    length BIGINT NOT NULL,
    sha256 BYTEA,
    details JSONB NOT NULL,
    recording_id UUID,
    error_code VARCHAR(64),
    error VARCHAR,
    finished_at TIMESTAMPTZ,
    expires_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT pk_uploads PRIMARY KEY (id),
    CONSTRAINT fk_uploads_user_id_users FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT fk_uploads_recording_id_recordings
        FOREIGN KEY (recording_id) REFERENCES recordings (id) ON DELETE SET NULL
);
CREATE INDEX ix_uploads_expires_at ON uploads (expires_at);
CREATE INDEX ix_uploads_user_id ON uploads (user_id);

CREATE TABLE events (
    id UUID NOT NULL,
    user_id INTEGER NOT NULL,
    recording_id UUID,
    start_offset DOUBLE PRECISION,
    start_time TIMESTAMPTZ,
    duration DOUBLE PRECISION,
    action VARCHAR,
    scene VARCHAR,
    summary TEXT,
    objects TEXT[],
    embedding REAL[],
    origin VARCHAR(16) DEFAULT 'manual' NOT NULL,
    is_described BOOLEAN DEFAULT true NOT NULL,
    facts JSONB,
    edited_at TIMESTAMPTZ,
    thumbnail_s3_key TEXT,
    job_id UUID,
    import_key VARCHAR(255),
    search TSVECTOR,
    updated_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT pk_events PRIMARY KEY (id),
    CONSTRAINT uq_events_user_id_import_key UNIQUE (user_id, import_key),
    CONSTRAINT ck_events_origin CHECK (origin IN ('extracted', 'manual', 'imported')),
    CONSTRAINT fk_events_user_id_users FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT fk_events_recording_id_recordings
        FOREIGN KEY (recording_id) REFERENCES recordings (id) ON DELETE SET NULL
);
CREATE INDEX ix_events_recording_id ON events (recording_id);
CREATE INDEX ix_events_search ON events USING gin (search);
CREATE INDEX ix_events_user_id_start_time ON events (user_id, start_time);

CREATE TABLE diary (
    id UUID NOT NULL,
    user_id INTEGER NOT NULL,
    diary_date DATE NOT NULL,
    content TEXT,
    events_hash VARCHAR(64),
    version INTEGER DEFAULT 0 NOT NULL,
    own_text TEXT,
    own_text_updated_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT pk_diary PRIMARY KEY (id),
    CONSTRAINT uq_diary_user_id_diary_date UNIQUE (user_id, diary_date),
    CONSTRAINT fk_diary_user_id_users FOREIGN KEY (user_id) REFERENCES users (id)
);
CREATE INDEX ix_diary_diary_date ON diary (diary_date);
CREATE INDEX ix_diary_events_hash ON diary (events_hash);
CREATE INDEX ix_diary_user_id ON diary (user_id);

CREATE TABLE diary_versions (
    id UUID NOT NULL,
    diary_id UUID NOT NULL,
    version INTEGER NOT NULL,
    content TEXT NOT NULL,
    events_hash VARCHAR(64) NOT NULL,
    citations JSONB NOT NULL,
    language VARCHAR(16) NOT NULL,
    tone VARCHAR(32),
    model VARCHAR(128),
    is_demo BOOLEAN DEFAULT false NOT NULL,
    job_id UUID,
    created_at TIMESTAMPTZ DEFAULT now() NOT NULL,
    CONSTRAINT pk_diary_versions PRIMARY KEY (id),
    CONSTRAINT uq_diary_versions_diary_id_version UNIQUE (diary_id, version),
    CONSTRAINT uq_diary_versions_job_id UNIQUE (job_id),
    CONSTRAINT fk_diary_versions_diary_id_diary FOREIGN KEY (diary_id) REFERENCES diary (id) ON DELETE CASCADE
);

CREATE TABLE diary_refreshes (
    user_id INTEGER NOT NULL,
    last_due TIMESTAMPTZ NOT NULL,
    CONSTRAINT pk_diary_refreshes PRIMARY KEY (user_id),
    CONSTRAINT fk_diary_refreshes_user_id_users FOREIGN KEY (user_id) REFERENCES users (id)
);
"""


def upgrade() -> None:
    """Add them."""
    for statement in statements(TABLES):
        op.execute(statement)
