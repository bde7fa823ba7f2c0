"""Events described by a vision model: what it is shown, what becomes of its answers, what it costs, what goes wrong."""

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import pytest_asyncio

from daybook.lifelog.events import service as events
from daybook.lifelog.events.schemas import EventUpdate
from daybook.settings import Settings
from support.application.api import Api
from support.application.apps import open_app
from support.gateway.known import Budgets, read_providers
from support.gateway.served import shipping
from support.gateway.upstream import Reply
from support.lifelog.events import add_provider, lifelog
from support.lifelog.vision import VisionModel, answered, described, system_of
from support.videos.scenes import DARK, MOVING, STILL, video

BEGAN = datetime(2026, 3, 8, 4, 0, tzinfo=UTC)  # noon in Taipei


@pytest_asyncio.fixture
async def model():
    """The vision model."""
    server = VisionModel()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "data", vision_model="seer")


@pytest.fixture
def app(database, settings):
    return open_app(database, settings)


@pytest.fixture
def api(ana):
    return Api(ana)


@pytest_asyncio.fixture
async def log(ana, database, database_url, settings, model):
    await ana.patch("/api/v1/me", json={"timezone": "Asia/Taipei"})
    await add_provider(database, settings, model.url + "/v1")
    async with lifelog(database, database_url, settings) as log:
        yield log


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return video(tmp_path_factory.mktemp("footage") / "video.mp4", STILL, MOVING, DARK)


@pytest.fixture(scope="module")
def many_scenes(tmp_path_factory):
    return video(tmp_path_factory.mktemp("footage") / "many.mp4", *[STILL, MOVING, DARK] * 4, seconds=3)


@pytest_asyncio.fixture
async def undescribed(log, footage):
    """A recording with three events that nobody has described."""
    await log.set(describe_events=False)
    recording_id = await log.ingest(footage, "video.mp4", BEGAN)
    await log.work()
    assert [event.is_described for event in await log.events()] == [False] * 3
    return recording_id


async def asked(log, api, path, **body):
    status, answer = await api.call("POST", f"/api/v1/{path}/description", body)
    assert status == 202, answer
    (job,) = await log.work(*await log.waiting())
    return job


# What the model is shown, and what becomes of what it says


async def test_new_footage_is_described_by_itself_in_one_call(log, footage, model):
    await log.ingest(footage, "video.mp4", BEGAN)

    (job,) = await log.work()

    assert (job.status, job.error_message) == ("success", None)
    (call,) = model.calls
    assert [stretch.number for stretch in call] == [1, 2, 3]
    assert call[0].begins == "Sunday 2026-03-08 12:00:00"
    assert [len(stretch.frames) for stretch in call] == [len(stretch.at) for stretch in call]
    assert all(0 < second < stretch.seconds for stretch in call for second in stretch.at)
    assert sum(len(frame) for stretch in call for frame in stretch.frames) < 300_000
    for event in await log.events():
        assert (event.action, event.scene, event.objects) == ("walking", "a street", ["shoes", "pavement"])
        assert event.is_described
        assert event.summary == "Somebody walks for 5 seconds."
        assert event.edited_at is None
    assert (job.metrics["described"], job.metrics["not_described"]) == (3, 0)
    assert (job.metrics["tokens"], job.metrics["model"]) == (1100, "seer")


async def test_the_model_is_asked_for_json_of_the_schema(log, footage, model):
    await log.ingest(footage, "video.mp4", BEGAN)
    await log.work()

    request = model.received[0].json

    assert request["response_format"]["type"] == "json_schema"
    schema = request["response_format"]["json_schema"]["schema"]["properties"]["events"]["items"]
    assert set(schema["required"]) == {
        "stretch", "action", "scene", "summary", "objects", "start_time", "duration"
    }  # fmt: skip
    assert request["max_completion_tokens"] == 2500


async def test_the_frames_are_of_their_own_stretches(log, footage, model, tmp_path):
    import subprocess

    from daybook.lifelog.media.service import ffmpeg

    await log.ingest(footage, "video.mp4", BEGAN)
    await log.work()

    def luma(frame):
        (tmp_path / "frame.jpg").write_bytes(frame)
        command = [ffmpeg(), "-v", "error", "-i", str(tmp_path / "frame.jpg"), "-vf", "scale=1:1"]
        command += ["-f", "rawvideo", "-pix_fmt", "gray", "-"]
        return subprocess.run(command, capture_output=True, check=True).stdout[0]

    bright, _, dark = model.calls[0]
    assert min(luma(frame) for frame in bright.frames) > 150
    assert max(luma(frame) for frame in dark.frames) < 40


async def test_times_are_clipped_to_the_stretch(log, undescribed, model, api):
    (first, second, third) = await log.events()
    model.usually = lambda seen: answered(
        [
            described(seen[0], start_time=2, duration=1.5),
            described(seen[1], start_time=3, duration=1000),
            described(seen[2], start_time=99, duration=99),
        ]
    )

    await asked(log, api, f"recordings/{undescribed}")

    found = await log.events()
    assert [event.id for event in found] == [first.id, second.id, third.id]
    assert (found[0].start_offset, found[0].duration) == (pytest.approx(2), pytest.approx(1.5))
    assert (found[0].start_time - BEGAN).total_seconds() == pytest.approx(2)
    assert found[1].start_offset == pytest.approx(second.start_offset + 3)
    assert found[1].start_offset + found[1].duration == pytest.approx(second.start_offset + second.duration)
    assert (found[2].start_offset, found[2].duration) == (third.start_offset, third.duration)


@pytest.mark.parametrize(
    ("language", "told", "kept"),
    [
        ("zh-TW", "Traditional Chinese", "在公園裡散步，看著臺北的軟體"),
        ("pt-BR", "the tag pt-BR", "在公园里散步，看着台北的软件"),
    ],
)
async def test_descriptions_are_in_the_persons_language_and_script(
    log, undescribed, model, api, language, told, kept
):
    await log.set(language=language)
    model.usually = lambda seen: answered(
        [described(stretch, summary="在公园里散步，看着台北的软件") for stretch in seen]
    )

    await asked(log, api, f"recordings/{undescribed}")

    assert told in system_of(model.received[0])
    assert {event.summary for event in await log.events()} == {kept}


async def test_a_long_video_goes_into_several_calls_of_bounded_size(log, many_scenes, model):
    await log.ingest(many_scenes, "video.mp4")

    (job,) = await log.work()

    assert sum(map(len, model.calls)) == len(await log.events()) > 6
    for call in model.calls:
        assert len(call) <= 6
        assert sum(len(stretch.frames) for stretch in call) <= 18
    assert len(model.calls) == -(-len(await log.events()) // 6)
    assert job.metrics["frames"] == sum(len(stretch.frames) for call in model.calls for stretch in call)


# Answers that are not as they should be


async def test_an_answer_is_understood_though_it_is_wrapped_in_words(log, undescribed, model, api):
    model.usually = lambda seen: answered(
        "Here you are:\n```json\n" + json.dumps([described(stretch) for stretch in seen]) + "\n```"
    )

    await asked(log, api, f"recordings/{undescribed}")

    assert len(model.calls) == 1
    for event in await log.events():
        assert (event.summary, event.objects) == ("Somebody walks for 5 seconds.", ["shoes", "pavement"])


async def test_a_malformed_answer_is_asked_for_once_more_and_then_left(log, undescribed, model, api):
    before = await log.events()
    model.usually = lambda _seen: answered({"events": [{"stretch": 1, "summary": 5}]})

    job = await asked(log, api, f"recordings/{undescribed}")

    assert len(model.calls) == 2
    assert (job.status, job.metrics["described"], job.metrics["not_described"]) == ("success", 0, 3)
    assert job.metrics["tokens"] == 2200
    assert [(event.is_described, event.summary) for event in await log.events()] == [
        (False, event.summary) for event in before
    ]


async def test_only_what_is_missing_is_asked_for_again(log, undescribed, model, api):
    model.next_replies.append(lambda seen: answered([described(seen[0]), {"stretch": 2, "summary": None}]))

    job = await asked(log, api, f"recordings/{undescribed}")

    first, second = model.calls
    assert [stretch.number for stretch in first] == [1, 2, 3]
    assert [stretch.number for stretch in second] == [2, 3]
    assert job.metrics["described"] == 3
    assert all(event.is_described for event in await log.events())


async def test_an_answer_that_was_cut_off_keeps_what_is_whole(log, undescribed, model, api):
    def cut_off(seen):
        text = json.dumps({"events": [described(stretch) for stretch in seen]})
        return answered(text[: text.rindex("summary") + 15], finish_reason="length")

    model.next_replies.append(cut_off)

    await asked(log, api, f"recordings/{undescribed}")

    assert [stretch.number for stretch in model.calls[1]] == [3]
    assert all(event.is_described for event in await log.events())


async def test_a_provider_that_takes_no_schema_is_asked_without(log, many_scenes, model):
    refusal = Reply(400, body={"error": {"message": "response_format is not supported"}})
    model.next_replies.append(refusal)

    await log.ingest(many_scenes, "video.mp4")
    (job,) = await log.work()

    bodies = [request.json for request in model.received]
    assert ["response_format" in body for body in bodies] == [True] + [False] * (len(bodies) - 1)
    assert all("max_tokens" in body for body in bodies[1:])
    assert job.metrics["not_described"] == 0


# What is described, and what is left alone


async def test_describing_later_fills_in_what_nobody_changed(log, undescribed, model, api):
    first, second, _ = await log.events()
    async with log.services.database.write() as session:
        await events.update_event(session, log.user, first.id, EventUpdate(scene="my room"))
        await events.update_event(session, log.user, second.id, EventUpdate(duration=2))

    job = await asked(log, api, f"recordings/{undescribed}")

    found = await log.events()
    assert (found[0].scene, found[0].action) == ("my room", None)
    assert (found[1].is_described, found[1].summary, found[1].duration) == (False, second.summary, 2)
    assert found[2].action == "walking"
    assert job.metrics["described"] == 1
    assert (await api.get("/api/v1/events", q="walks"))["total"] == 1


async def test_describing_a_day_describes_that_day_of_the_persons(log, undescribed, model, api):
    job = await asked(log, api, "days/2026-03-07")
    assert (job.status, job.metrics["not_described"], model.calls) == ("success", 0, [])

    await asked(log, api, "days/2026-03-08")
    assert all(event.is_described for event in await log.events())


async def test_what_is_described_is_not_paid_for_again_unless_wished(log, undescribed, model, api):
    await asked(log, api, f"recordings/{undescribed}")
    await asked(log, api, f"recordings/{undescribed}")
    assert len(model.calls) == 1

    async with log.services.database.write() as session:
        third = (await log.events())[2]
        await events.update_event(session, log.user, third.id, EventUpdate(summary="Mine."))
    model.usually = lambda seen: answered([described(stretch, summary="Anew.") for stretch in seen])
    await asked(log, api, f"recordings/{undescribed}", again=True)

    assert len(model.calls) == 2
    assert [event.summary for event in await log.events()] == ["Anew.", "Anew.", "Mine."]


async def test_an_event_that_is_changed_while_the_model_thinks_stays_changed(log, undescribed, model, api):
    first, _, _ = await log.events()
    thinking = asyncio.Event()

    def slowly(seen):
        thinking.set()
        reply = answered([described(stretch) for stretch in seen])
        reply.delay = 1
        return reply

    model.usually = slowly
    status, _ = await api.call("POST", f"/api/v1/recordings/{undescribed}/description", {})
    assert status == 202
    working = asyncio.create_task(log.work())
    await thinking.wait()
    await api.call("PATCH", f"/api/v1/events/{first.id}", {"summary": "Mine."})
    (job,) = await working

    assert (await log.events())[0].summary == "Mine."
    assert (job.metrics["described"], job.metrics["not_described"]) == (2, 0)


# What it costs


async def test_costs_are_shown_before_and_after_and_are_in_the_ledger(
    log, undescribed, model, api, database, database_url, settings
):
    price = {"model": "seer", "input": "2", "output": "10"}
    async with database.write() as session:
        from daybook.ledger import prices
        from daybook.ledger.schemas import PriceRequest

        await prices.set_price(session, PriceRequest.model_validate(price))
    path = f"/api/v1/recordings/{undescribed}/description-estimate"
    before = await api.get(path)

    async with shipping(settings, database, database_url):
        await read_providers(log.services.internal_client._resources)
        job = await asked(log, api, f"recordings/{undescribed}")

    frames = sum(len(stretch.frames) for stretch in model.calls[0])
    assert (before["model"], before["stretches"], before["frames"], before["calls"]) == ("seer", 3, frames, 1)
    assert before["is_exact"]
    expected = (before["prompt_tokens"] * 2 + before["completion_tokens"] * 10) / Decimal(1_000_000)
    assert Decimal(before["cost"]) == expected > 0
    assert (job.metrics["tokens"], job.metrics["cost"]) == (1100, "0.003")
    (line,) = await log.rows("SELECT * FROM llm_tracker_usage")
    assert (line["source"], line["user_id"], line["trace_id"]) == ("vision", log.user.id, job.trace_id)
    assert (line["total_tokens"], line["cost"]) == (1100, Decimal("0.003"))
    assert (await api.get(path))["stretches"] == 0


async def test_before_the_events_are_found_the_estimate_is_the_most_it_can_be(log, footage, api):
    recording_id = await log.ingest(footage, "video.mp4", BEGAN)

    estimate = await api.get(f"/api/v1/recordings/{recording_id}/description-estimate")

    assert (estimate["is_exact"], estimate["stretches"], estimate["cost"]) == (False, 11, None)
    assert estimate["calls"] == 2
    await log.work()
    assert await api.get(f"/api/v1/recordings/{recording_id}/description-estimate") == estimate | {
        "is_exact": True, "stretches": 0, "frames": 0, "calls": 0, "prompt_tokens": 0, "completion_tokens": 0
    }  # fmt: skip


# What goes wrong


async def test_a_bad_key_is_said_and_the_events_are_there(log, footage, model):
    model.usually = lambda _seen: Reply(401, body={"error": {"message": "invalid api key"}})
    await log.ingest(footage, "video.mp4", BEGAN)

    (job,) = await log.work()

    assert (job.status, job.error_code, job.attempts) == ("failed", "upstream_auth", 1)
    assert "3 of 3 events are not described; they are there" in job.error_message
    assert "sk-vision-secret" not in job.error_message
    assert [event.is_described for event in await log.events()] == [False] * 3
    assert len(model.calls) == 1


async def test_a_budget_is_said_with_its_limit(log, undescribed, model, api):
    await Budgets(log.services.internal_client._resources, "user", log.user.id).add(100)

    job = await asked(log, api, f"recordings/{undescribed}")

    assert (job.status, job.error_code) == ("failed", "budget_reached")
    assert "daily budget of 100 tokens" in job.error_message
    assert model.calls == []
    assert [event.is_described for event in await log.events()] == [False] * 3


async def test_a_provider_that_is_down_is_tried_again_from_where_it_was(log, many_scenes, model, monkeypatch):
    monkeypatch.setattr("daybook.jobs.failures.LONGEST_PAUSE", 0.1)
    good = model.usually
    model.next_replies.extend([good, Reply(500, body={"error": {"message": "down"}})])
    await log.ingest(many_scenes, "video.mp4")

    (job,) = await log.work()

    assert (job.status, job.attempts) == ("success", 2)
    firsts = [call[0].begins for call in model.calls]
    assert len(firsts) == len(set(firsts)) + 1  # only the call that failed was made twice
    assert all(event.is_described for event in await log.events())


async def test_without_a_model_nothing_is_asked_and_the_reason_is_told(
    ana, database, database_url, footage, tmp_path
):
    settings = Settings(data=tmp_path / "data")
    app = open_app(database, settings)
    ana._transport.app = app  # the same browser at a server without a vision model
    api = Api(ana)
    async with lifelog(database, database_url, settings) as log:
        recording_id = await log.ingest(footage, "video.mp4")

        status, answer = await api.call("POST", f"/api/v1/recordings/{recording_id}/description", {})
        estimate = await api.get(f"/api/v1/recordings/{recording_id}/description-estimate")

    assert (status, answer["error"]["code"]) == (409, "no_vision_model")
    assert "DAYBOOK_VISION_MODEL" in answer["error"]["message"]
    assert (estimate["model"], estimate["cost"]) == (None, None)
    assert "DAYBOOK_VISION_MODEL" in estimate["reason"]


async def test_another_persons_footage_cannot_be_described_or_found_anew(log, undescribed, admin, browsers):
    await admin.post("/api/v1/admin/users", json={"account": "ben", "password": "battery staple"})
    ben = Api(await browsers.sign_in("ben", "battery staple"))

    path = f"/api/v1/recordings/{undescribed}"
    assert (await ben.call("POST", f"{path}/description", {}))[0] == 404
    assert (await ben.call("POST", f"{path}/extraction"))[0] == 404
    assert (await ben.call("GET", f"{path}/description-estimate"))[0] == 404
    assert (await ben.get("/api/v1/days/2026-03-08/description-estimate"))["stretches"] == 0
