"""The built pages of `frontend/`, served from memory. Every other path gets the single-page application."""

import mimetypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

BUILT = Path(__file__).parent / "built"
"""The output folder of the build of `frontend/`."""

_ENCODINGS = {"br": ".br", "gzip": ".gz"}
_FOREVER = "public, max-age=31536000, immutable"  # their names contain a hash of their content
_ASK = "no-cache"
_NOT_PAGES = ("/api/", "/v1/", "/v1beta/", "/v1alpha/", "/assets/")


def policy(files_from: str = "") -> str:
    """The pages' content security policy: this server only, no inline scripts, trusted types. `files_from` is the
    origin of pictures and videos on S3.
    """
    elsewhere = f" {files_from}" if files_from else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: blob:{elsewhere}",
            f"media-src 'self' blob:{elsewhere}",
            "connect-src 'self'",
            "font-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types svelte-trusted-html daybook-worker",
        )
    )


@dataclass(frozen=True, slots=True)
class _File:
    content_type: str
    body: bytes
    encoded: dict[str, bytes] = field(default_factory=dict[str, bytes])


class Pages:
    """An ASGI application for GET and HEAD."""

    def __init__(self, files: dict[str, _File], files_from: str = "") -> None:
        self._files = files
        self._policy = policy(files_from)

    @classmethod
    def built(cls, folder: Path = BUILT) -> Self | None:
        """Load the pages in `folder`; None if they are not built."""
        if not (folder / "index.html").is_file():
            return None
        found = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        files: dict[str, _File] = {}
        for path, body in found.items():
            if path.suffix in _ENCODINGS.values():
                continue
            encoded = {
                name: found[other]
                for name, suffix in _ENCODINGS.items()
                if (other := path.with_name(path.name + suffix)) in found
            }
            files[f"/{path.relative_to(folder).as_posix()}"] = _File(_type_of(path), body, encoded)
        return cls(files)

    def or_else(self, other: ASGIApp, *, files_from: str = "") -> ASGIApp:
        """Serve pages and their files, and pass other requests to `other`. `files_from` is the store's `origin`."""
        ours = Pages(self._files, files_from)

        async def choose(scope: Scope, receive: Receive, send: Send) -> None:
            is_ours = (
                scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} and self._has(scope["path"])
            )
            await (ours if is_ours else other)(scope, receive, send)

        return choose

    def _has(self, path: str) -> bool:
        return path in self._files or not path.startswith(_NOT_PAGES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond with the file, or with the application for any other path."""
        path = scope["path"]
        name = path if path in self._files and path != "/index.html" else "/index.html"
        file = self._files[name]
        headers = {
            "Content-Type": file.content_type,
            "Cache-Control": _FOREVER if name.startswith("/assets/") else _ASK,
            "Vary": "Accept-Encoding",
        }
        if name == "/index.html":
            headers["Content-Security-Policy"] = self._policy
        body, encoding = _encoded(file, Headers(scope=scope).get("accept-encoding", ""))
        if encoding:
            headers["Content-Encoding"] = encoding
        headers["Content-Length"] = str(len(body))
        await Response(b"" if scope["method"] == "HEAD" else body, headers=headers)(scope, receive, send)


def _encoded(file: _File, accepted: str) -> tuple[bytes, str | None]:
    """The smallest encoding that the browser accepts."""
    names = {
        part.partition(";")[0].strip() for part in accepted.split(",") if "q=0" not in part.replace(" ", "")
    }
    for encoding, body in file.encoded.items():
        if encoding in names:
            return body, encoding
    return file.body, None


def _type_of(path: Path) -> str:
    if path.suffix == ".webmanifest":
        return "application/manifest+json"
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
