"""How the process that looks at a file says that it is none to ingest; `probe.py` has the words."""


class RefusedError(Exception):
    """The file is none that is ingested."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
