"""The PostgreSQL that Daybook brings along: one server per data folder, reached over a Unix socket only.

- `EmbeddedServer`: start and stop it, as a child that cannot outlive its parent.
- `running_server`: the one that `daybook run` keeps up, if any.
- `server_for_command`: that one, or one of its own for the time of a command.
- `DataLock`: one Daybook per data folder.
"""

from daybook.db.embedded.command import RunningServer, running_server, server_for_command
from daybook.db.embedded.lock import DataLock
from daybook.db.embedded.server import EmbeddedServer, temporary_server

__all__ = [
    "DataLock",
    "EmbeddedServer",
    "RunningServer",
    "running_server",
    "server_for_command",
    "temporary_server",
]
