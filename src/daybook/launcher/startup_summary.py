"""The state after start-up, found by `prepare`, which has the database, and shown by `startup_message`."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class StartupSummary:
    """Which of the first credentials are still valid, and the model to try first."""

    password_holds: bool = True
    """True if the kept password is still the account's."""
    code_holds: bool = True
    """True if the gateway accepts the kept activation code."""
    model: str | None = None
    """A model that the code may call; None if no configuration names one in full."""
    provider: str | None = None
    """The configuration of that model, else the first one; None if there is none."""

    def to_line(self) -> str:
        """Serialize it into one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> "StartupSummary":
        """Parse the output of `to_line`; defaults for any other text."""
        with suppress(ValueError, TypeError):
            said = json.loads(line)
            return cls(**{field.name: said[field.name] for field in fields(cls) if field.name in said})
        return cls()
