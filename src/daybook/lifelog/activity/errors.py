"""Errors of activity analysis."""

from daybook.kit.errors import Invalid


class Undecodable(Invalid):
    """No frame of the file can be decoded."""

    code = "video_undecodable"
