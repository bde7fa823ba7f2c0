"""What can go wrong with files."""

from daybook.kit.errors import Invalid, NotFound, Unavailable


class InvalidKey(Invalid):
    """A key that no file may have."""

    code = "invalid_key"


class NoSuchFile(NotFound):
    """There is no file of this key."""

    code = "no_such_file"


class LinkInvalid(NotFound):
    """A link that was not made here, or whose time is over."""

    code = "link_invalid"


class StoreUnavailable(Unavailable):
    """The store does not answer, refuses, or is full."""

    code = "storage_unavailable"
