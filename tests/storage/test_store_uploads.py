"""An uploaded video is stored in, and served from, the store in the settings."""

import pytest
from sqlalchemy import text

from support.application.apps import open_app
from support.lifelog.tus import Tus
from support.videos.clips import clip


@pytest.fixture(params=["folder", "s3"])
def app(request, database, storage_settings):
    settings = storage_settings(request.param)
    settings.storage_links = "own"
    return open_app(database, settings)


async def test_a_video_goes_into_the_store_and_comes_back(app, ana, visitor, database, tmp_path):
    video = clip()
    answer = await Tus(ana).upload(video, filename="video.mp4")
    assert answer.status_code == 204, answer.text
    async with database.read() as session:
        key, user_id = (await session.execute(text("SELECT s3_key, user_id FROM recordings"))).one()

    assert key.startswith(f"users/{user_id}/recordings/")
    assert [file.key async for file in app.state.store.list(f"users/{user_id}")] == [key]
    assert (await visitor.get(await app.state.store.link(key))).content == video
    assert list((tmp_path / "data" / "uploads").glob("*")) == []
