"""tus as a sender speaks it, over any client that has `request`."""

import base64
import hashlib
from typing import Any

UPLOADS = "/api/v1/uploads"
VERSION = {"tus-resumable": "1.0.0"}


def metadata(**values: str | bytes) -> str:
    """An `Upload-Metadata` of these values."""
    raw = {
        name: value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        for name, value in values.items()
    }
    return ",".join(f"{name} {base64.b64encode(value).decode()}" for name, value in raw.items())


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def checksum(data: bytes, algorithm: str = "sha256") -> str:
    """An `Upload-Checksum` of `data`."""
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


class Tus:
    """One sender."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    async def create(
        self, length: int | bytes, told: str | bytes = "", content: bytes | None = None, **headers: str
    ) -> Any:
        sent: dict[str, str | bytes] = {
            **VERSION,
            "upload-length": length if isinstance(length, bytes) else str(length),
        }
        if told:
            sent["upload-metadata"] = told
        if content is not None:
            sent["content-type"] = "application/offset+octet-stream"
        return await self.browser.request(
            "POST", UPLOADS, headers={**sent, **_named(headers)}, content=content
        )

    async def begin(self, data: bytes, **told: str) -> str:
        """Begin an upload of `data`; its address."""
        answer = await self.create(len(data), metadata(**{"filename": "video.mp4", **told}))
        assert answer.status_code == 201, answer.text
        return answer.headers["location"]

    async def send(self, location: str, data: Any, offset: int = 0, **headers: str) -> Any:
        sent = {
            **VERSION,
            "upload-offset": str(offset),
            "content-type": "application/offset+octet-stream",
            **_named(headers),
        }
        return await self.browser.request("PATCH", location, headers=sent, content=data)

    async def offset(self, location: str) -> int:
        answer = await self.browser.request("HEAD", location, headers=VERSION)
        assert answer.status_code == 200, answer.status_code
        return int(answer.headers["upload-offset"])

    async def end(self, location: str) -> Any:
        return await self.browser.request("DELETE", location, headers=VERSION)

    async def upload(self, data: bytes, **told: str) -> Any:
        """The last answer of a whole upload."""
        return await self.send(await self.begin(data, **told), data)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
