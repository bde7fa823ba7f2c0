"""Keys of the objects that the store holds for a recording."""

from uuid import UUID

from daybook.lifelog.recordings.models import RecordingFile


def file_key(user_id: int, recording_id: UUID, file_id: UUID, suffix: str) -> str:
    """Return the key of a recording's file."""
    return f"users/{user_id}/recordings/{recording_id}/{file_id}{suffix}"


def thumbnail_key(key: str) -> str:
    """Return the key of the thumbnail of the file at `key`."""
    return f"{key.rpartition('.')[0]}-thumbnail.jpg"


def preview_key(key: str) -> str:
    """Return the key of the preview of the file at `key`."""
    return f"{key.rpartition('.')[0]}-preview.mp4"


def event_picture_key(user_id: int, recording_id: UUID, event_id: UUID) -> str:
    """Return the key of the picture of an event that was found in a recording."""
    return f"users/{user_id}/recordings/{recording_id}/events/{event_id}.jpg"


def keys_of(file: RecordingFile) -> list[str]:
    """Return every key that the store may hold for a file."""
    return [file.s3_key, thumbnail_key(file.s3_key), preview_key(file.s3_key)]
