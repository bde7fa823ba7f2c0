"""What `daybook run` may promise on its screen: found by `prepare`, which has the database, for `startup_message`."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, fields


@dataclass(frozen=True)
class StartupSummary:
    """What of the first credentials still holds, and the model to try first."""

    password_holds: bool = True
    """Whether the kept password opens the kept account."""
    code_holds: bool = True
    """Whether the kept activation code is one that the gateway lets in."""
    model: str | None = None
    """A model that the code may call; None where no configuration names one in full."""
    provider: str | None = None
    """The configuration that serves it, or the first of those that name none; None where there is none."""

    def to_line(self) -> str:
        """One line, the same everywhere."""
        return json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> "StartupSummary":
        """What `to_line` wrote; for anything else, that nothing is known to have changed."""
        with suppress(ValueError, TypeError):
            said = json.loads(line)
            return cls(**{field.name: said[field.name] for field in fields(cls) if field.name in said})
        return cls()
