"""The application for a test, quicker than it is made."""

from typing import Any

from fastapi import FastAPI

from daybook.db.engine import Database
from daybook.settings import Settings
from daybook.web.app import create_app

_ROUTES: list[Any] = []


def open_app(database: Database, settings: Settings) -> FastAPI:
    """What `create_app` makes, with the routes of the first one: they hold nothing of their application, and FastAPI
    works each out when it is first asked for, which takes longer than most tests.
    """
    app = create_app(database, settings)
    if not _ROUTES:
        _ROUTES.extend(app.router.routes)
    app.router.routes[:] = _ROUTES
    return app
