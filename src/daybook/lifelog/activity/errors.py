"""What can go wrong while a video is looked at."""

from daybook.kit.errors import Invalid


class Undecodable(Invalid):
    """Not one frame of this file could be decoded."""

    code = "video_undecodable"
