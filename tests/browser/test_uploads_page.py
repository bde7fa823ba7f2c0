"""LocalFile becomes events and a page of the diary; an upload that was broken off goes on where it stopped."""

import asyncio
import hashlib
import re
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect

from support.sources.messages import Words
from support.videos.clips import long_clip
from support.videos.made import Videos

words = Words("en")
WORKING = 120_000  # milliseconds that a worker may take for a short video, or the demo model for a page
DURATION = """video => new Promise((found, failed) => {
    if (video.readyState > 0) found(video.duration);
    video.onloadedmetadata = () => found(video.duration);
    video.onerror = () => failed(video.error.message);
})"""
PATIENCE = 60  # seconds until a worker that was started has come
SLOW = 2 * 2**20  # bytes a second


async def test_a_video_becomes_events_and_a_page(visits, newcomer, tmp_path):
    video = Videos(tmp_path).make("garden.mp4", seconds=6, size="320x180", sound=True)
    page = await visits.open(await newcomer("ana"), phone=True)
    bar = page.get_by_role("navigation", name=words("nav.label")).last

    await bar.get_by_role("link", name=words("recordings.title")).click()
    await expect(page.get_by_text(words("recordings.empty.title"))).to_be_visible()
    await choose(page, video)
    files = page.get_by_role("list", name=words("upload.files"))
    await expect(files.get_by_text(words("upload.phase.done"), exact=True)).to_be_visible()

    await page.get_by_role("main").get_by_role("link", name="garden.mp4").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("garden.mp4")
    await expect(page.get_by_role("article").first).to_be_visible(timeout=WORKING)
    await expect(page.get_by_text(re.compile("320.180"))).to_be_visible()
    assert 5 < await page.locator("video").evaluate(DURATION) < 7

    await bar.get_by_role("link", name=words("home.title")).click()
    timeline = page.get_by_role("region", name=words("home.timeline"))
    await expect(timeline.get_by_role("link", name=words("events.watch")).first).to_be_visible()
    await expect(timeline).to_contain_text(words("error.no_vision_model"))
    diary = page.get_by_role("region", name=words("home.diary"))
    await diary.get_by_role("button", name=words("diary.write")).click()
    await expect(diary.get_by_role("button", name=words("diary.cite", number=1)).first).to_be_visible(
        timeout=WORKING
    )


async def test_an_upload_that_was_broken_off_goes_on_after_a_reload(visits, newcomer, tmp_path):
    video = Videos(tmp_path).write("long.mp4", long_clip(16 * 2**20))
    page = await visits.open(await newcomer("ana"), path="/recordings")
    sent = []
    page.on("request", lambda request: sent.append(request) if request.method == "PATCH" else None)
    asked = []
    page.on("response", lambda answer: asked.append(answer) if answer.request.method == "HEAD" else None)
    await slow_down(page)

    await choose(page, video)
    files = page.get_by_role("list", name=words("upload.files"))
    await expect(files.get_by_text(words("upload.phase.sending"), exact=True)).to_be_visible()
    await expect(files).to_contain_text(re.compile(r"\b[3-8]\d(\.\d)?%"))
    await page.reload()
    await expect(page.get_by_text(words.pattern("upload.unfinished", name="long.mp4"))).to_be_visible()
    await expect(files).to_have_count(0)
    [first] = sent
    assert first.headers["upload-offset"] == "0"

    sent.clear()
    await choose(page, video)
    await expect(files.get_by_text(words("upload.phase.done"), exact=True)).to_be_visible()
    had = int(asked[-1].headers["upload-offset"])
    [rest] = sent
    assert had > 2**20
    assert int(rest.headers["upload-offset"]) == had
    assert int((await rest.all_headers())["content-length"]) == video.stat().st_size - had

    await page.get_by_role("main").get_by_role("link", name="long.mp4").click()
    original = page.get_by_role("definition").get_by_role("link", name="long.mp4")
    kept = await page.request.get(await original.get_attribute("href"))
    assert hashlib.sha256(await kept.body()).digest() == hashlib.sha256(video.read_bytes()).digest()


async def test_the_same_video_is_not_taken_twice_and_a_text_is_no_video(visits, newcomer, tmp_path):
    videos = Videos(tmp_path)
    video = videos.make("garden.mp4")
    page = await visits.open(await newcomer("ana"), path="/recordings")
    visits.expect(r"status of 4\d\d .*/api/v1/uploads")
    files = page.get_by_role("list", name=words("upload.files"))

    await choose(page, video)
    await expect(files.get_by_text(words("upload.phase.done"), exact=True)).to_be_visible()
    await choose(page, video.rename(tmp_path / "again.mp4"))
    await expect(files.get_by_text(words("upload.phase.known"), exact=True)).to_be_visible()
    await choose(page, videos.write("letter.mp4", b"Dear diary, this is no video at all." * 50))
    await expect(files.get_by_text(words("upload.phase.refused"), exact=True)).to_be_visible()
    await expect(files.get_by_role("alert")).to_be_visible()


@pytest.mark.parametrize(("language", "thing"), [("zh-Hant", "文字檔"), ("zh-Hans", "文本文件")])
async def test_what_is_no_video_is_told_in_the_readers_language(visits, newcomer, tmp_path, language, thing):
    videos, words = Videos(tmp_path), Words(language)
    person = await newcomer("ana", language=language)
    page = await visits.open(person, language=language, phone=True, path="/recordings")
    visits.expect(r"status of 4\d\d .*/api/v1/uploads")
    files = page.get_by_role("list", name=words("upload.files"))

    letter = videos.write("letter.mp4", b"Dear diary, this is no video at all.")
    await choose(page, letter, videos.write("nothing.mp4", b""), words=words)
    refused = files.get_by_role("listitem").filter(has_text="letter.mp4")
    await expect(refused.get_by_role("alert")).to_have_text(words("error.not_a_video", detail=thing))
    await expect(refused).to_contain_text(words("common.bytes", count=letter.stat().st_size))
    await expect(files.get_by_role("listitem").filter(has_text="nothing.mp4")).to_contain_text(
        words("common.bytes", count=0)
    )


async def test_a_video_that_is_chosen_twice_at_once_is_sent_once(visits, newcomer, tmp_path):
    videos = Videos(tmp_path)
    first = videos.make("garden.mp4", "-metadata", "comment=twice")
    again = videos.write("copy.mp4", first.read_bytes())
    page = await visits.open(await newcomer("ana"), path="/recordings")
    sent = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    files = page.get_by_role("list", name=words("upload.files"))

    await choose(page, first, again)
    await expect(files.get_by_text(words("upload.phase.done"), exact=True)).to_have_count(1)
    await expect(files.get_by_text(words("upload.phase.known"), exact=True)).to_have_count(1)
    links = await files.get_by_role("link", name=words("upload.open")).all()
    assert len({await link.get_attribute("href") for link in links}) == 1
    assert [one.url for one in sent if "/uploads" in one.url][1:] == []


async def test_a_recording_is_asked_for_until_nothing_more_comes_of_it(visits, newcomer, office, tmp_path):
    videos = Videos(tmp_path)
    page = await visits.open(await newcomer("ana"), path="/recordings")
    tiles = page.get_by_role("main").get_by_role("link")
    waiting = tiles.filter(has_text=words("recordings.processing"))
    asked = Asked(page)
    visits.expect(r"status of 404 .*/api/v1/recordings/")

    async with paused(office, "recording_processing"):
        for number in range(3):
            await choose(page, videos.make(f"video{number}.mp4", "-metadata", f"comment={number}"))
            await expect(tiles.filter(has_text=f"video{number}.mp4")).to_be_visible()
        await expect(waiting).to_have_count(3)
        for number in range(3):
            await asked.again(await address(tiles, f"video{number}.mp4"))

        removed, cancelled = await address(tiles, "video0.mp4"), await address(tiles, "video1.mp4")
        async with page.context.expect_event("response", lambda answer: answer.status == 404):
            gone = await page.request.delete(f"/api/v1{removed}")
            assert gone.ok
        [file] = (await (await page.request.get(f"/api/v1{cancelled}")).json())["files"]
        job = file["processing"]["job_id"]
        assert (await page.request.post(f"/api/v1/jobs/{job}/cancellation")).ok

        await expect(tiles.filter(has_text="video0.mp4")).to_have_count(0)
        await expect(tiles.filter(has_text="video1.mp4")).to_be_visible()
        await expect(waiting).to_have_count(1)
        asked.forget()
        for _ in range(2):
            await asked.again(await address(tiles, "video2.mp4"))
        assert asked.paths == {await address(tiles, "video2.mp4")}

    await expect(waiting).to_have_count(0)
    await expect(tiles.filter(has_text="video2.mp4").locator("img")).to_be_visible()
    await expect(tiles.filter(has_text="video1.mp4").locator("img")).to_have_count(0)


class Asked:
    """The recordings whose state a page asks for."""

    def __init__(self, page):
        self.page = page
        self.paths = set()
        page.on("request", lambda request: self.paths.add(path_of(request)) if is_look(request) else None)

    async def again(self, path):
        """Wait until it is asked for."""
        async with self.page.expect_request(lambda one: is_look(one) and path_of(one) == path):
            pass

    def forget(self):
        self.paths.clear()


def is_look(request):
    return request.method == "GET" and path_of(request).startswith("/recordings/")


def path_of(request):
    return urlsplit(request.url).path.removeprefix("/api/v1")


async def address(tiles, name):
    """Of the page of a recording, as the list links to it."""
    return await tiles.filter(has_text=name).get_attribute("href")


@asynccontextmanager
async def paused(office, kind):
    """Jobs of a kind wait."""
    path = f"/api/v1/admin/job-types/{kind}"
    async with asyncio.timeout(PATIENCE):
        while (answer := await office.patch(path, json={"paused": True})).status_code == 404:
            await asyncio.sleep(0.2)  # the worker is still on its way
    assert answer.is_success, answer.text
    try:
        yield
    finally:
        assert (await office.patch(path, json={"paused": False})).is_success


async def choose(page, *videos, words=words):
    """Choose files as a person does."""
    async with page.expect_file_chooser() as chooser:
        await page.get_by_role("button", name=words("upload.choose"), exact=True).click()
    await (await chooser.value).set_files(videos)


async def slow_down(page):
    """What this window sends goes through a narrow line until it is loaded anew."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Network.enable")
    line = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": SLOW}
    await devtools.send("Network.emulateNetworkConditions", line)
