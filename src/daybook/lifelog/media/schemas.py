"""Facts of a video from its inspection."""

from pydantic import BaseModel, ConfigDict


class Audio(BaseModel):
    """The audio stream of a video."""

    model_config = ConfigDict(frozen=True)

    index: int
    """Of the stream in its container."""
    codec: str
    channels: int
    sample_rate: int


class Video(BaseModel):
    """A video's facts. All seconds count from its first frame."""

    model_config = ConfigDict(frozen=True)

    container: str
    """As ffmpeg calls the format, such as `mov,mp4,m4a,3gp,3g2,mj2`."""
    brand: str | None = None
    """Of an MP4 or QuickTime file: `isom`, `qt  `."""
    duration: float
    """Seconds from the first picture's begin to the last one's end, or to that of the sound where it goes on longer."""
    width: int
    height: int
    """Pixels as shown: turned upright, with square pixels."""
    coded_width: int
    coded_height: int
    rotation: int
    """Degrees that the pictures are turned clockwise when they are shown: 0, 90, 180 or 270."""
    fps: float
    """Average frames per second."""
    is_vfr: bool
    """True if the frame rate varies."""
    video_index: int
    """Of the stream in its container; covers and the like are other streams."""
    video_codec: str
    pixel_format: str | None
    transfer: str | None = None
    """How light is coded if it is high dynamic range: `smpte2084` (PQ) or `arib-std-b67` (HLG)."""
    full_range: bool = False
    audio: Audio | None
    size_bytes: int
    tags: dict[str, str]
    """Tags of the container, names in lower case, and those that the video stream adds."""
