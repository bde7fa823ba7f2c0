"""The store as a dependency of endpoints."""

from typing import Annotated, cast

from fastapi import Depends, Request

from daybook.storage.service import Store


def _app_store(request: Request) -> Store:
    return cast("Store", request.app.state.store)


AppStore = Annotated[Store, Depends(_app_store)]
"""The store of the application that serves the request."""
