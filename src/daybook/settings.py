"""What a person may set, in the environment. `docs/howto/settings.md` lists the same, and a test compares the
two.
"""

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
    """Daybook's settings; each is read from `DAYBOOK_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="DAYBOOK_", env_ignore_empty=True, populate_by_name=True)

    data: Path = Field(default_factory=default_data, description="Folder for everything that Daybook keeps.")
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every network.")
    port: int = Field(8400, ge=1, le=65535, description="Port of the pages, the API and the gateway.")
    database_url: str | None = Field(
        None,
        validation_alias=AliasChoices("DAYBOOK_DATABASE_URL", "DATABASE_URL"),
        repr=False,
        description="A PostgreSQL (15 or newer) to use instead of the embedded one.",
    )
    database_pool: int = Field(8, ge=2, le=200, description="Database connections of one serve process.")
    secret_key: SecretStr | None = Field(
        None,
        description="Fernet key that encrypts provider keys; else `<data>/secret.key`, made on first use.",
    )
    trusted_proxies: str = Field(
        "", description="Addresses of reverse proxies, with commas, whose X-Forwarded-For is believed."
    )
    storage: str | None = Field(
        None,
        description="Where files are: a folder, or s3://bucket/prefix; none: `files` in the data folder.",
    )
    storage_links: Literal["presigned", "own"] = Field(
        "presigned",
        description="How browsers read files of S3: from there (presigned), or through Daybook (own).",
    )
    max_upload: int = Field(64 * 2**30, ge=1, description="Largest file that may be uploaded, in bytes.")
    upload_days: int = Field(
        3, ge=1, le=365, description="Days after which an unfinished upload is given up."
    )
    ffmpeg: Path | None = Field(None, description="The ffmpeg program; none: the bundled one.")
    longest_recording: float = Field(
        24, gt=0, le=10_000, description="Hours of video that one file may hold; longer ones are refused."
    )
    log_level: str = Field("info", description="debug, info, warning or error.")

    demo_model: Path | None = Field(None, description="A GGUF file to serve instead of the demo model's own.")
    demo_url: str | None = Field(
        None, description="Address of the running demo model; `daybook run` sets it."
    )
    model_url: str | None = Field(
        None, description="Base URL of any OpenAI-compatible server that takes the demo model's place."
    )
    model_key: SecretStr | None = Field(None, description="Key for DAYBOOK_MODEL_URL, where it wants one.")

    diary_model: str | None = Field(
        None, description="Model that writes diaries, for everybody without a wish of their own."
    )
    diary_context: int = Field(
        16_384,
        ge=2048,
        description="Tokens that the diary's model can read and write at once; longer days are summed up in parts.",
    )
    vision_model: str | None = Field(
        None,
        description="Model that describes pictures of recordings; none: events are measured, not described.",
    )
    events_per_hour: int = Field(
        120,
        ge=1,
        le=3600,
        description="Events that an hour of video becomes at most, besides ten of any video.",
    )
    vision_frames: int = Field(
        3, ge=1, le=8, description="Pictures of an event that the vision model is shown at most."
    )

    journal_sync: Literal["process", "disk"] = Field(
        "process", description="What a recorded call survives: the process (write) or the machine (fsync)."
    )
    journal_limit: int = Field(
        2**30, ge=2**20, description="Bytes of calls that may wait on disk to be recorded, per serve process."
    )
    answer_tokens: int = Field(
        4096,
        ge=1,
        le=2**31 - 1,
        description="Longest answer, in tokens, of a call under a hard budget that names no maximum.",
    )
    max_body: int = Field(
        64 * 2**20, ge=1024, description="Largest request that the gateway takes, in bytes."
    )
    connect_timeout: float = Field(10, gt=0, description="Seconds to wait for a connection to a provider.")
    first_byte_timeout: float = Field(300, gt=0, description="Seconds to wait for a provider's first byte.")
    idle_timeout: float = Field(
        120, gt=0, description="Seconds of silence after which an answer is given up."
    )
    session_days: int = Field(30, ge=1, description="Days that a sign-in lasts without use.")
    cookie_secure: bool = Field(
        default=False, description="Send the session's cookie over HTTPS only; turn on behind TLS."
    )

    redact: Literal["off", "secrets", "content"] = Field(
        "off", description="What is left out of everything that is written of calls."
    )
    verify_hours: float = Field(
        24, ge=0, le=8760, description="Hours between verifications of the ledger by the worker; 0: never."
    )
    worker_jobs: int = Field(4, ge=1, le=100, description="Jobs that one worker does at a time.")
    keep_calls_days: int | None = Field(
        None, ge=1, le=36_500, description="Days for which call logs are kept; none: until they are pruned."
    )


@cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()  # pyright: ignore[reportCallIssue]  (every field has a default or comes from the environment)
