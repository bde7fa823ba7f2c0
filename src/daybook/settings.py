"""Settings from the environment. A test compares them with `docs/howto/settings.md`."""

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_data() -> Path:
    """`data/` in the checkout that this package runs from, else the user's own data directory."""
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file():
        return checkout / "data"
    return Path.home() / ".local" / "share" / "daybook"


class Settings(BaseSettings):
    """Daybook's settings, read from `DAYBOOK_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="DAYBOOK_", env_ignore_empty=True, populate_by_name=True)

    data: Path = Field(default_factory=default_data, description="Folder of all data.")
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every network.")
    port: int = Field(8400, ge=1, le=65535, description="Port of the pages, the API and the gateway.")
    database_url: str | None = Field(
        None,
        validation_alias=AliasChoices("DAYBOOK_DATABASE_URL", "DATABASE_URL"),
        repr=False,
        description="A PostgreSQL server, 15 or newer, instead of the embedded one.",
    )
    database_pool: int = Field(8, ge=2, le=200, description="Database connections of one serve process.")
    secret_key: SecretStr | None = Field(
        None,
        description="Fernet key that encrypts provider keys; else `<data>/secret.key`, made on first use.",
    )
    trusted_proxies: str = Field(
        "", description="Addresses of reverse proxies, separated by commas, whose X-Forwarded-For is trusted."
    )
    storage: str | None = Field(
        None,
        description="Location of files: a folder, or s3://bucket/prefix; none: `files` in the data folder.",
    )
    storage_links: Literal["presigned", "own"] = Field(
        "presigned",
        description="How browsers read files from S3: directly (presigned), or through Daybook (own).",
    )
    max_upload: int = Field(64 * 2**30, ge=1, description="Largest file that may be uploaded, in bytes.")
    upload_days: int = Field(
        3, ge=1, le=365, description="Days without data after which an unfinished upload is deleted."
    )
    ffmpeg: Path | None = Field(None, description="The ffmpeg program; none: the bundled one.")
    longest_recording: float = Field(
        24, gt=0, le=10_000, description="Hours of video that one file may hold; longer ones are refused."
    )
    log_level: str = Field("info", description="debug, info, warning or error.")

    demo_model: Path | None = Field(
        None, description="A GGUF file to serve instead of the bundled demo model."
    )
    demo_url: str | None = Field(None, description="Address of the running demo model. Set by `daybook run`.")
    model_url: str | None = Field(
        None, description="Base URL of an OpenAI-compatible server that replaces the demo model."
    )
    model_key: SecretStr | None = Field(None, description="Key for DAYBOOK_MODEL_URL, if it needs one.")

    diary_model: str | None = Field(
        None, description="Diary model of users who have set none; none: the demo model."
    )
    diary_context: int = Field(
        16_384,
        ge=2048,
        description="Context size of the diary model, in tokens; longer days are summarised in parts.",
    )
    vision_model: str | None = Field(
        None,
        description="Vision model of users who have set none; none: events are measured, not described.",
    )
    events_per_hour: int = Field(
        120,
        ge=1,
        le=3600,
        description="Most events per hour of video, besides ten for any video.",
    )
    vision_frames: int = Field(
        3, ge=1, le=8, description="Most pictures per event that the vision model gets."
    )

    journal_sync: Literal["process", "disk"] = Field(
        "process",
        description="What a recorded call survives: the death of the process or of the machine (disk).",
    )
    journal_limit: int = Field(
        2**30,
        ge=2**20,
        description="Bytes of recorded calls that may wait on disk for shipping, per serve process.",
    )
    answer_tokens: int = Field(
        4096,
        ge=1,
        le=2**31 - 1,
        description="Longest answer, in tokens, of a call under a hard budget that sets no maximum.",
    )
    max_body: int = Field(64 * 2**20, ge=1024, description="Largest request body of the gateway, in bytes.")
    connect_timeout: float = Field(10, gt=0, description="Seconds to wait for a connection to a provider.")
    first_byte_timeout: float = Field(300, gt=0, description="Seconds to wait for a provider's first byte.")
    idle_timeout: float = Field(
        120, gt=0, description="Seconds without data after which a response is aborted."
    )
    session_days: int = Field(30, ge=1, description="Days after which an unused session expires.")
    cookie_secure: bool = Field(
        default=False, description="Send the session cookie over HTTPS only. Enable it behind TLS."
    )

    redact: Literal["off", "secrets", "content"] = Field(
        "off", description="What is left out of stored calls."
    )
    verify_hours: float = Field(
        24, ge=0, le=8760, description="Hours between verifications of the ledger by the worker; 0: never."
    )
    worker_jobs: int = Field(4, ge=1, le=100, description="Concurrent jobs of one worker.")
    keep_calls_days: int | None = Field(
        None, ge=1, le=36_500, description="Days for which call logs are kept; none: until they are pruned."
    )


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()  # pyright: ignore[reportCallIssue]  (every field has a default or comes from the environment)
