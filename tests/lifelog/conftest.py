"""Videos for the tests of the lifelog, and a person who brings them."""

import pytest

from daybook.lifelog.context import Services
from support.application.api import Api
from support.lifelog.recordings import Recordings
from support.videos.made import Videos


@pytest.fixture
def videos(tmp_path):
    """Makes videos in a folder of the test's own."""
    folder = tmp_path / "videos"
    folder.mkdir()
    return Videos(folder)


@pytest.fixture
async def recordings(app, database, ana, videos):
    """Ana's recordings. She lives in Taipei."""
    api = Api(ana)
    await api.call("PATCH", "/api/v1/me", {"timezone": "Asia/Taipei"})
    user_id = (await api.get("/api/v1/me"))["id"]
    services = Services(database=database, store=app.state.store, settings=app.state.settings)
    return Recordings(services, api, user_id, videos)
