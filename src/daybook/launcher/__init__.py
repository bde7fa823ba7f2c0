"""`daybook run`: all of Daybook on one machine, as one process tree.

    daybook run            this package: starts, restarts, stops
    ├── postgres           unless DATABASE_URL names another
    ├── demo model         unless DAYBOOK_MODEL_URL names another
    ├── daybook serve
    ├── daybook worker
    └── daybook ship

It stays small: it imports nothing that only a child needs, and has no threads.
"""

from daybook.launcher.launch import run

__all__ = ["run"]
