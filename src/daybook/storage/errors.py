"""Errors of stored files."""

from daybook.kit.errors import Invalid, NotFound, Unavailable


class InvalidKey(Invalid):
    """A malformed key."""

    code = "invalid_key"


class NoSuchFile(NotFound):
    """No file has this key."""

    code = "no_such_file"


class LinkInvalid(NotFound):
    """A link that is forged or expired."""

    code = "link_invalid"


class StoreUnavailable(Unavailable):
    """The store is unreachable, full, or refuses."""

    code = "storage_unavailable"
