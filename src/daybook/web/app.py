"""The FastAPI application: the API and the pages. The gateway runs ahead of it, on the same port."""

from importlib.metadata import version

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from daybook.accounts import endpoints as accounts
from daybook.accounts.access import same_origin
from daybook.db.engine import Database
from daybook.gateway.providers import endpoints as gateway
from daybook.jobs import endpoints as jobs
from daybook.ledger import endpoints as ledger
from daybook.ledger.budgets import endpoints as budgets
from daybook.ledger.outbox import endpoints as outbox
from daybook.lifelog.calendar import endpoints as days
from daybook.lifelog.context import Services
from daybook.lifelog.diary import endpoints as diary
from daybook.lifelog.events import endpoints as events
from daybook.lifelog.recordings import endpoints as recordings
from daybook.lifelog.sample import endpoints as sample
from daybook.lifelog.uploads import endpoints as uploads
from daybook.lifelog.uploads.service import Uploads
from daybook.settings import Settings
from daybook.storage import endpoints as files
from daybook.storage.service import open_store
from daybook.web import errors, health, status
from daybook.web.body_limit import BodyLimit
from daybook.web.headers import SecurityHeaders
from daybook.web.pages import Pages

ROUTERS: list[APIRouter] = [
    accounts.router,
    budgets.router,
    diary.router,
    days.router,
    events.router,
    files.router,
    gateway.router,
    gateway.first_router,
    gateway.providers_router,
    health.router,
    jobs.router,
    ledger.router,
    outbox.router,
    recordings.router,
    sample.router,
    uploads.router,
]
"""The endpoints of every domain."""

TAGS = [
    {"name": "session", "description": "Signing in and out."},
    {"name": "me", "description": "The signed-in user: profile, password, codes, usage."},
    {"name": "users", "description": "Users, for administrators."},
    {"name": "groups", "description": "Groups, for administrators."},
    {"name": "codes", "description": "Activation codes, for administrators."},
    {"name": "provider configurations", "description": "Providers of model calls, for administrators."},
    {"name": "the ledger", "description": "Calls, usage and prices, for administrators."},
    {"name": "budgets", "description": "Limits on the usage of codes, groups and users, for administrators."},
    {"name": "uploads", "description": "Resumable uploads of videos, over tus 1.0."},
    {"name": "recordings", "description": "Videos with their times."},
    {"name": "files", "description": "Videos and pictures, by links that expire."},
    {"name": "days", "description": "The content of each day."},
    {"name": "events", "description": "Events of the day."},
    {"name": "diary", "description": "A page per day, and the events that it cites."},
    {"name": "jobs", "description": "Background jobs: pending, running and ended ones."},
    {"name": "outbox", "description": "Events between components, for administrators."},
]


def create_app(database: Database, settings: Settings, pages: Pages | None = None) -> FastAPI:
    """Create the application. The caller closes `database`. Without `pages`, `/` is a status page."""
    app = FastAPI(
        title="Daybook",
        version=version("daybook"),
        openapi_url="/api/v1/openapi.json",
        openapi_tags=TAGS,
        # These pages load scripts from other sites; programs need the schema only.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.database = database
    app.state.settings = settings
    app.state.store = open_store(settings)
    app.state.uploads = Uploads(Services(database=database, store=app.state.store, settings=settings))
    errors.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders, over_tls=settings.cookie_secure)
    app.include_router(status.health)
    if pages is None:
        app.include_router(status.page)
    else:
        app.router.default = pages.or_else(app.router.default, files_from=app.state.store.origin())
    for router in ROUTERS:
        app.include_router(
            router,
            dependencies=[Depends(same_origin)],
            responses={
                "4XX": {"model": errors.ErrorResponse, "description": "An error in the request."},
                "5XX": {"model": errors.ErrorResponse, "description": "An error in Daybook."},
            },
        )
    return app


def _operation_id(route: APIRoute) -> str:
    """The endpoint's name. A test keeps it unique, as generated clients name functions after it."""
    return route.name
