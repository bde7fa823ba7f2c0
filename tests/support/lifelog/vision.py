"""A vision model on loopback: it speaks chat completions, sees what it is sent, and says what a test tells it to."""

import base64
import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.gateway.upstream import Received, Reply, Upstream

_STRETCH = re.compile(
    r"Stretch (\d+)(?:, begins ([^,]+) local time)?, ([\d.]+) s long\. Frames at ([^:]+) s:"
)


@dataclass(slots=True)
class Seen:
    """A stretch as the model was shown it."""

    number: int
    begins: str | None
    seconds: float
    at: list[float]
    frames: list[bytes]


def described(stretch: Seen, **values: Any) -> dict[str, Any]:
    """A good description of a stretch."""
    return {
        "stretch": stretch.number,
        "action": "walking",
        "scene": "a street",
        "summary": f"Somebody walks for {stretch.seconds:.0f} seconds.",
        "objects": ["shoes", "pavement"],
        "start_time": 0,
        "duration": stretch.seconds,
        **values,
    }


def answered(
    content: Any, *, finish_reason: str = "stop", prompt: int = 1000, completion: int = 100
) -> Reply:
    """A chat completion with `content`, which is text or becomes JSON."""
    words = content if isinstance(content, str) else json.dumps(content)
    return Reply(
        body={
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": "seer-1",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": words},
                    "finish_reason": finish_reason,
                }
            ],
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
            },
        }
    )


Script = Callable[[list[Seen]], Reply]


class VisionModel(Upstream):
    """Describes every stretch well, but for the calls that `next_replies` are for."""

    def __init__(self) -> None:
        super().__init__()
        self.next_replies: deque[Script | Reply] = deque()
        self.usually: Script = lambda seen: answered({"events": [described(stretch) for stretch in seen]})

    @property
    def calls(self) -> list[list[Seen]]:
        """What each call so far showed."""
        return [seen_in(request.json) for request in self.received]

    async def _answer(self, request: Any) -> Any:
        body = await request.read()
        script = self.next_replies.popleft() if self.next_replies else self.usually
        self.reply(script if isinstance(script, Reply) else script(seen_in(json.loads(body))))
        return await super()._answer(request)


def seen_in(body: dict[str, Any]) -> list[Seen]:
    """The stretches in a request."""
    stretches: list[Seen] = []
    for part in body["messages"][1]["content"]:
        if part["type"] == "text":
            if found := _STRETCH.fullmatch(part["text"]):
                at = [float(second) for second in found[4].split(", ")]
                stretches.append(Seen(int(found[1]), found[2], float(found[3]), at, []))
        else:
            head, _, data = part["image_url"]["url"].partition(",")
            assert head == "data:image/jpeg;base64"
            stretches[-1].frames.append(base64.b64decode(data))
    return stretches


def system_of(request: Received) -> str:
    """The instructions of a request."""
    return request.json["messages"][0]["content"]
