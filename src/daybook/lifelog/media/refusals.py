"""Exit protocol by which the inspection process rejects a file; `inspection.py` has the messages."""


class RefusedError(Exception):
    """The file is rejected."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
