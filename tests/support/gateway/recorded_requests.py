"""Recorded requests, as callers send them to the gateway."""

import json
from dataclasses import dataclass
from typing import Any

from support.gateway.recorded import Recorded
from support.gateway.replay import PLAY, Replay
from support.gateway.served import Gateway

TAILS = {
    "chat.completions": "chat/completions",
    "completions": "completions",
    "responses": "responses",
    "embeddings": "embeddings",
    "messages": "messages",
    "count_tokens": "messages/count_tokens",
    "audio.transcriptions": "audio/transcriptions",
    "images.generations": "images/generations",
    "moderations": "moderations",
    "rerank": "rerank",
}
GEMINI = ("generateContent", "streamGenerateContent")  # in order: every worker must collect the same tests
APIS = [*TAILS, *GEMINI]

# What a caller names where the recording does not: some providers have a default.
MODELS = {
    "audio.transcriptions": "whisper-1",
    "embeddings": "text-embedding-ada-002",
    "images.generations": "dall-e-2",
    "moderations": "omni-moderation-latest",
}
PROVIDERS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "gemini": "gemini",
    "gemini-openai-compat": "gemini",
    "azure-openai": "azure_openai",
}
BASES = {"openai": "/v1", "openai_compatible": "/v1"}
AZURE_VERSION = "2024-12-01-preview"


def is_spoken(exchange: Recorded) -> bool:
    """Not so: Vertex's `:predict`, Portkey's prompts, and stored prompts, which name no model."""
    if ":predict" in exchange.endpoint or "/prompts/" in exchange.endpoint:
        return False
    return not (exchange.api == "responses" and "model" not in (exchange.request or {}))


@dataclass(slots=True)
class Ask:
    """An exchange's request as a caller of the gateway sends it."""

    exchange: Recorded
    gateway: Gateway
    path: str
    provider_path: str
    model: str
    body: bytes
    content_type: str = "application/json"
    call_id: str = ""
    status: int = 0
    answer: bytes = b""

    async def send(self) -> None:
        """Send it and read the answer to its end."""
        headers = {"user_agent": PLAY + self.exchange.id, "content_type": self.content_type}
        async with self.gateway.post(self.path, self.body, **headers) as response:
            self.answer = await response.read()
            self.status = response.status
            self.call_id = response.headers["x-daybook-call-id"]


class Callers:
    """Makes `Ask`s; opens a gateway for each kind of provider that they need."""

    def __init__(self, gateways, replay: Replay) -> None:
        self.gateways = gateways
        self.replay = replay
        self.opened: dict[str, Gateway] = {}

    async def ask(self, exchange: Recorded) -> Ask:
        """How a caller asks what was asked there."""
        provider = PROVIDERS.get(exchange.provider, "openai_compatible")
        if exchange.provider == "vertex":
            provider = "anthropic" if exchange.api == "messages" else "gemini"
        by_deployment = "/openai/deployments/" in exchange.endpoint
        gateway = await self._gateway(provider, by_deployment=by_deployment)
        request = dict(exchange.request or {})
        if exchange.api in GEMINI or (provider == "gemini" and exchange.api != "chat.completions"):
            return self._gemini(exchange, gateway, request)
        model = request.get("model") or exchange.model or MODELS[exchange.api]
        tail = TAILS[exchange.api]
        if exchange.endpoint.endswith("/translations"):
            tail = "audio/translations"
        path = f"/v1/{tail}"
        provider_path = {"azure_openai": f"/openai/v1/{tail}", "gemini": f"/v1beta/openai/{tail}"}.get(
            provider, path
        )
        if exchange.query.get("beta"):
            path, provider_path = f"{path}?beta=true", f"{provider_path}?beta=true"
        if by_deployment:
            provider_path = f"/openai/deployments/{model}/{tail}?api-version={AZURE_VERSION}"
        if exchange.api == "audio.transcriptions":
            return Ask(exchange, gateway, path, provider_path, model, *form(model))
        if not request.get("model"):
            request = {**request, "model": model}
        return Ask(exchange, gateway, path, provider_path, model, json.dumps(request).encode())

    @staticmethod
    def _gemini(exchange: Recorded, gateway: Gateway, request: dict[str, Any]) -> Ask:
        action = exchange.endpoint.rpartition(":")[2]
        named = exchange.endpoint.partition("/models/")[2].rpartition(":")[0]
        query = "?alt=sse" if exchange.query.get("alt") else ""
        model = named.removeprefix("models/")  # some callers name it so in the path, as Google does in lists
        request = request or {"contents": [{"parts": [{"text": "hi"}]}]}
        return Ask(
            exchange,
            gateway,
            path=f"/v1beta/models/{named}:{action}{query}",
            provider_path=f"/v1beta/models/{model}:{action}{query}",
            model=model,
            body=json.dumps(request, ensure_ascii=False).encode(),
        )

    async def _gateway(self, provider: str, *, by_deployment: bool) -> Gateway:
        name = provider + (" by deployment" if by_deployment else "")
        if name not in self.opened:
            settings = {"api_version": AZURE_VERSION} if by_deployment else {}
            base_url = self.replay.url + BASES.get(provider, "")
            self.opened[name] = await self.gateways.open(provider, base_url, **settings)
        return self.opened[name]


def form(model: str) -> tuple[bytes, str]:
    """A sound with its model, as the SDKs upload it."""
    parts = [
        b'--xxx\r\nContent-Disposition: form-data; name="model"',
        b"",
        model.encode(),
        b'--xxx\r\nContent-Disposition: form-data; name="file"; filename="a.wav"',
        b"Content-Type: audio/wav",
        b"",
        b"RIFF\x00\xff\r\n--xx",  # nearly the boundary
        b"--xxx--\r\n",
    ]
    return b"\r\n".join(parts), "multipart/form-data; boundary=xxx"
