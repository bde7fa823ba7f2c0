"""The calls of a storm: seeded, mixed, each with a key that stands in its text and in its metadata.

What the provider shall do with a call stands in the call's text, so that both sides know without talking.
"""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

MODELS = {
    "chat.completions": "gpt-4o-mini",
    "responses": "gpt-4o",
    "messages": "claude-sonnet-4-5",
    "generateContent": "gemini-2.5-flash",
    "embeddings": "text-embedding-3-small",
    "count_tokens": "claude-sonnet-4-5",
}
STREAMING = {"chat.completions", "responses", "messages", "generateContent"}

APIS = {
    "chat.completions": 30,
    "messages": 25,
    "responses": 20,
    "generateContent": 15,
    "embeddings": 6,
    "count_tokens": 4,
}

DEEDS = {
    "ok": 48,
    "slow": 14,
    "long": 4,  # over some seconds, so that it is noted while it streams
    "leave": 5,  # slow, and the caller does not wait for the end
    "broken": 7,  # in the middle of the answer
    "hangup": 2,  # before the answer
    "error500": 3,
    "refused": 2,
    "error200": 4,
    "once500": 3,  # the second try is answered
    "once200": 3,  # the same after an error that reported tokens
    "unreported": 5,  # no usage
}

LONGEST = 400
"""Tokens of the longest answer, where a call names it. No answer here has more."""

BUDGETED = 3
"""The code that is under a hard budget. Its calls report no tokens of failed tries, which are beyond what is held."""

_TEXT = re.compile(rb"key=(\S+) do=(\S+) words=(\d+) pause=([\d.]+)")


@dataclass(frozen=True, slots=True)
class Spec:
    """What the provider does, as the text of a call tells it."""

    key: str
    deed: str
    words: int
    pause: float

    @property
    def text(self) -> str:
        return f"key={self.key} do={self.deed} words={self.words} pause={self.pause:.2f} and say it well."

    @classmethod
    def of(cls, body: bytes) -> "Spec":
        found = _TEXT.search(body)
        assert found is not None, body[:300]
        key, deed, words, pause = found.groups()
        return cls(key.decode(), deed.decode(), int(words), float(pause))

    @property
    def answer(self) -> list[str]:
        """The words of the answer."""
        return [f"{self.key}:{number} " for number in range(self.words)]


@dataclass(frozen=True, slots=True)
class Ask:
    """One call of a client. It is sent once, to one gateway, and again only where it is repeatable."""

    spec: Spec
    api: str
    stream: bool
    asks_usage: bool
    gateway: int
    code: int
    leaves_after: int | None = None
    """Bytes of the body after which the caller leaves."""
    capped: bool = False
    """Whether it names the longest answer that it wants."""
    repeatable: bool = False
    """It has an `Idempotency-Key`."""

    def request(self, code: str) -> bytes:
        """The bytes that go over the wire."""
        path, body = self._path_and_body()
        data = json.dumps(body).encode()
        metadata = json.dumps({"key": self.spec.key})
        repeatable = f"idempotency-key: {self.spec.key}\r\n" if self.repeatable else ""
        return (
            f"POST {path} HTTP/1.1\r\nhost: daybook\r\nauthorization: Bearer {code}\r\n"
            f"content-type: application/json\r\nx-daybook-metadata: {metadata}\r\n{repeatable}"
            f"content-length: {len(data)}\r\n\r\n"
        ).encode() + data

    def _path_and_body(self) -> tuple[str, dict[str, object]]:
        text, model = self.spec.text, MODELS[self.api]
        said = [{"role": "user", "content": text}]
        more: dict[str, object] = {"stream": True} if self.stream else {}
        match self.api:
            case "chat.completions":
                more |= {"stream_options": {"include_usage": True}} if self.asks_usage else {}
                more |= {"max_tokens": LONGEST} if self.capped else {}
                return "/v1/chat/completions", {"model": model, "messages": said, **more}
            case "responses":
                more |= {"max_output_tokens": LONGEST} if self.capped else {}
                return "/v1/responses", {"model": model, "input": text, **more}
            case "messages":
                return "/v1/messages", {"model": model, "max_tokens": LONGEST, "messages": said, **more}
            case "count_tokens":
                return "/v1/messages/count_tokens", {"model": model, "messages": said}
            case "embeddings":
                return "/v1/embeddings", {"model": model, "input": text}
            case _:
                action = "streamGenerateContent?alt=sse" if self.stream else "generateContent"
                config = {"generationConfig": {"maxOutputTokens": LONGEST}} if self.capped else {}
                body = {"contents": [{"parts": [{"text": text}]}], **config}
                return f"/v1beta/models/{model}:{action}", body


def asks(seed: int, name: str, *, gateways: int, calm: bool = False) -> Iterator[Ask]:
    """The calls of the client `name`, without end. `calm`: only such as are answered at once."""
    rng = random.Random(f"{seed} {name}")
    number = 0
    while True:
        number += 1
        api = rng.choices(list(APIS), list(APIS.values()))[0]
        deed = rng.choices(list(DEEDS), list(DEEDS.values()))[0]
        code = 0 if calm else rng.choice([0, 1, 2, BUDGETED])
        repeatable = not calm and rng.random() < 0.1
        stream = api in STREAMING and rng.random() < 0.6
        words, pause = rng.randint(1, 40), 0.0
        if calm or api == "count_tokens":
            deed = "ok"
        elif repeatable:
            deed = rng.choice(["ok", "slow"])
        elif code == BUDGETED and deed in {"error200", "once200"}:
            deed = "ok"
        if deed in {"slow", "leave"}:
            words, pause = rng.randint(4, 8), round(rng.uniform(0.02, 0.25), 2)
        elif deed == "long":
            words, pause = rng.randint(12, 16), 0.3
        ask = Ask(
            Spec(f"{name}-{number}", deed, words, pause),
            api,
            stream,
            asks_usage=stream and rng.random() < 0.5,
            gateway=rng.randrange(gateways),
            code=code,
            leaves_after=rng.randint(0, 400) if deed == "leave" else None,
            capped=code == BUDGETED or rng.random() < 0.5,
            repeatable=repeatable,
        )
        yield ask
        for _ in range(rng.randint(1, 2) if repeatable else 0):
            yield replace(ask, gateway=rng.randrange(gateways))
