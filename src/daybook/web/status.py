"""`GET /health` for programs, and the status page at `GET /` if the pages are not built."""

import asyncio
import logging
from collections.abc import Awaitable
from http import HTTPStatus
from importlib.metadata import version
from typing import TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse
from sqlalchemy import text

from daybook.accounts.access import AppSettings
from daybook.db.dependencies import AppDatabase
from daybook.db.engine import Database
from daybook.gateway.providers.local_models import DEMO_CONFIG
from daybook.gateway.providers.service import enabled_names
from daybook.settings import Settings
from daybook.web.status_page import POLICY, Providers, status_page

T = TypeVar("T")

log = logging.getLogger(__name__)

page = APIRouter(include_in_schema=False)
health = APIRouter(include_in_schema=False)

PATIENCE = 2.0
"""Seconds to wait for the database."""


@page.api_route("/", methods=["GET", "HEAD"])
async def show_status(request: Request, database: AppDatabase, settings: AppSettings) -> HTMLResponse:
    """The status page."""
    providers = await _within_patience(find_providers(database, settings))
    shown = status_page(str(request.base_url).rstrip("/"), providers)
    return HTMLResponse(shown, headers={"Content-Security-Policy": POLICY})


@health.api_route("/health", methods=["GET", "HEAD"])
async def show_health(database: AppDatabase) -> JSONResponse:
    """Return 200, or 503 while the database is unavailable."""
    up = await _within_patience(_answers(database)) is not None
    word = "ok" if up else "unavailable"
    return JSONResponse(
        {"status": word, "database": word, "version": version("daybook")},
        HTTPStatus.OK if up else HTTPStatus.SERVICE_UNAVAILABLE,
    )


async def find_providers(database: Database, settings: Settings) -> Providers:
    """Return which kinds of providers are enabled. No names: the page needs no sign-in."""
    async with database.read() as session:
        names = await enabled_names(session)
    return Providers(
        configured=bool(names - {DEMO_CONFIG}) or settings.model_url is not None,
        demo=DEMO_CONFIG in names or settings.demo_url is not None,
    )


async def _answers(database: Database) -> bool:
    async with database.read() as session:
        await session.execute(text("SELECT 1"))
    return True


async def _within_patience(answer: Awaitable[T]) -> T | None:
    """The result of `answer`; None if the database does not respond in time."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await answer
    except Exception as error:  # noqa: BLE001  (the page reports any failure)
        log.warning("The database does not answer: %s", type(error).__qualname__)
        return None
