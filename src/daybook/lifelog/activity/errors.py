"""What can go wrong while a film is looked at."""

from daybook.kit.errors import Invalid


class Undecodable(Invalid):
    """Not one picture of this file could be decoded."""

    code = "film_undecodable"
