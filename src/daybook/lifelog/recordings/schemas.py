"""Stored facts of files, and the API's requests and responses."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from annotated_types import Len
from pydantic import AwareDatetime, BaseModel, Field, NaiveDatetime

from daybook.jobs.schemas import ErrorDetails
from daybook.kit.schemas import RequestModel
from daybook.lifelog.media.schemas import Video
from daybook.lifelog.recordings.start_time import Source, StartTime

TimeShift = Annotated[float, Field(ge=-3_200_000_000, le=3_200_000_000, allow_inf_nan=False)]
"""Seconds: up to a century, the farthest that a camera's clock was ever off."""


class FileFacts(BaseModel):
    """`video_metadata` of a file: its own facts. Of a recording: its first file's facts and its start time."""

    video: Video
    clock: StartTime


class JobState(BaseModel):
    """State of a file's job."""

    job_id: UUID
    status: str
    progress: float = Field(description="From 0 to 1.")
    error_code: str | None
    error_message: str | None
    error_details: ErrorDetails


class RecordingFileResponse(BaseModel):
    """One file of a recording."""

    id: UUID
    name: str
    position: int = Field(description="As the camera counts its chapters.")
    starts_at: float = Field(description="Seconds from the recording's beginning.")
    duration: float
    size_bytes: int
    sha256: str
    is_processed: bool
    original_url: str = Field(description="Readable without signing in until it expires.")
    preview_url: str | None = Field(description="A copy that browsers play; null if they play the original.")
    processing: JobState | None = Field(description="Thumbnail and preview.")
    extraction: JobState | None = Field(description="Events.")


class RecordingResponse(BaseModel):
    """A video with its time."""

    id: UUID
    name: str | None
    start_time: datetime | None
    end_time: datetime | None
    time_source: Source | None = Field(description="Where `start_time` is from.")
    timezone: str | None = Field(description="The zone in which a local time without offset was read.")
    written_time: datetime | None = Field(description="What the camera's clock showed, without offset.")
    duration: float | None = Field(description="Seconds, of all chapters together.")
    size_bytes: int | None
    width: int | None = Field(description="As shown: turned upright.")
    height: int | None
    rotation: int | None = Field(description="Degrees clockwise by which the camera's pictures are turned.")
    fps: float | None
    is_vfr: bool | None = Field(description="True if the frame rate varies.")
    video_codec: str | None
    has_sound: bool | None
    content_type: str | None
    is_processed: bool = Field(description="The thumbnail and any necessary previews exist.")
    is_processing: bool = Field(
        description="They are pending or being made. If both are false, that failed or was cancelled."
    )
    thumbnail_url: str | None
    created_at: datetime
    updated_at: datetime | None


class RecordingDetailResponse(RecordingResponse):
    """A recording with its files and the state of their jobs."""

    files: list[RecordingFileResponse]


class RecordingUpdate(RequestModel):
    """Corrections of a recording; its events move along."""

    name: Annotated[str, Len(1, 255)] | None = None
    start_time: AwareDatetime | NaiveDatetime | None = Field(
        None,
        description="When it begins; without an offset it is local time in `timezone`, else in your own.",
    )
    timezone: str | None = Field(
        None, description="IANA name: what the camera's clock showed is read as local time of this zone."
    )


class TimeShiftRequest(RequestModel):
    """Recordings with a wrong camera clock or timezone. Send either `seconds` or `timezone`."""

    recording_ids: Annotated[list[UUID], Len(1, 1000)]
    seconds: TimeShift | None = Field(None, description="By which they begin later; negative: earlier.")
    timezone: str | None = Field(None, description="IANA name in which their cameras' clocks are read.")


class TimeShiftResponse(BaseModel):
    """Number of recordings that were moved with all their events."""

    moved: int


Order = Literal["newest", "oldest"]
