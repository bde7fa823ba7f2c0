"""Films for the tests of the lifelog, and a person who brings them."""

import pytest

from daybook.lifelog.tools import Basics
from support.api import Api
from support.films import Films
from support.recordings import Recordings


@pytest.fixture
def films(tmp_path):
    """Makes films in a folder of the test's own."""
    folder = tmp_path / "films"
    folder.mkdir()
    return Films(folder)


@pytest.fixture
async def recordings(app, database, ana, films):
    """Ana's recordings. She lives in Taipei."""
    api = Api(ana)
    await api.call("PATCH", "/api/v1/me", {"timezone": "Asia/Taipei"})
    user_id = (await api.get("/api/v1/me"))["id"]
    basics = Basics(database=database, store=app.state.store, settings=app.state.settings)
    return Recordings(basics, api, user_id, films)
