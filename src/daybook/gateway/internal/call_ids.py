"""Ids of calls that are steps of jobs."""

from hashlib import sha256
from uuid import UUID


def call_id_of(job_id: UUID, step: str, attempt: int) -> UUID:
    """Return the id of an attempt at a job's step: always the same, a UUIDv7 with the time of the job's id."""
    said = sha256(job_id.bytes + attempt.to_bytes(4) + step.encode()).digest()
    value = (job_id.int >> 80 << 80) | int.from_bytes(said[:10])
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0b11 << 62) | 0b10 << 62
    return UUID(int=value)
