"""A small OpenAI-compatible server on loopback, and a ledger in an empty folder."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import llm_tracker
from llm_tracker import database, settings

KEY = "sk-a-key-that-nobody-may-see-0123456789"
MODEL = "gpt-4.1-mini-2025-04-14"
USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 10,
    "total_tokens": 30,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}


class ChatServer(ThreadingHTTPServer):
    """Return the given answers, then repeat the last one. An answer is a JSON body, (status, body), raw
    bytes with a content type, a list of stream parts (bytes; a number waits; `None` cuts the connection), or
    a function of the request that gives one of these.
    """

    daemon_threads = True
    key = KEY

    @staticmethod
    def completion(content: Any = "Hello!", usage: Any = None, **more: Any) -> dict[str, Any]:
        """A whole answer; without `usage` a server that does not report it."""
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = {"id": "1", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice]}
        return {**body, **({"usage": usage} if usage else {}), **more}

    @staticmethod
    def chunk(content: str | None = None, finish: str | None = None, **more: Any) -> bytes:
        """One event of a stream."""
        choices = [{"index": 0, "delta": {"content": content}, "finish_reason": finish}]
        body = {
            "id": "1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": MODEL,
            "choices": choices,
        }
        return b"data: " + json.dumps({**body, **more}).encode() + b"\n\n"

    def stream(self, *pieces: str, usage: Any = USAGE) -> list[bytes]:
        """All events of a stream that ends well."""
        told = [self.chunk(choices=[], usage=usage)] if usage else []
        return [*map(self.chunk, pieces), self.chunk(None, "stop"), *told, b"data: [DONE]\n\n"]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ChatHandler)
        self.answers: list[Any] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def next_answer(self, request: dict[str, Any]) -> Any:
        answer = self.answers.pop(0) if len(self.answers) > 1 else (self.answers or [None])[0]
        if callable(answer):
            answer = answer(request)
        if answer is None:
            answer = self.stream("Hel", "lo!") if request.get("stream") else self.completion(usage=USAGE)
        return answer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that leave are part of the tests."""


class ChatHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ChatServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        self._reply(200, b'{"object": "list", "data": [{"id": "the-only-model", "object": "model"}]}')

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append(asked)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.server.paths.append(self.path)
        answer = self.server.next_answer(asked)
        if isinstance(answer, list):
            self._stream(answer)
        elif isinstance(answer, dict):
            self._reply(200, json.dumps(answer).encode())
        elif isinstance(answer[0], int):
            self._reply(answer[0], json.dumps(answer[1]).encode())
        else:
            self._reply(200, answer[0], answer[1])

    def _reply(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, parts: list[Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for part in parts:
            if part is None:
                self.close_connection = True
                return
            if isinstance(part, bytes):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
                self.wfile.flush()
            else:
                time.sleep(part)
        self.wfile.write(b"0\r\n\r\n")


class Ledger:
    """Read the SQLite file without the library."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spill = path.with_name(path.name + ".spill.jsonl")

    def rows(self) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            try:
                found = connection.execute("SELECT * FROM llm_tracker_usage ORDER BY id").fetchall()
            except sqlite3.OperationalError:
                found = []
        return [{**dict(row), "metadata": json.loads(row["metadata"])} for row in found]

    def row(self) -> dict[str, Any]:
        (row,) = self.rows()
        return row


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Remove all settings, use an empty working directory, and close all connections."""
    plain = [names for provider in settings.PROVIDERS.values() for names in provider.environment.values()]
    for name in (*settings.SETTING_NAMES, *sum(plain, ())):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    before = settings.current()
    settings.replace({})
    yield folder
    settings.replace(before)
    database.close_all()


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    server = ChatServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def ledger(clean: Path, chat_server: ChatServer) -> Ledger:
    """Configure the server and a ledger in the working directory."""
    llm_tracker.configure(
        LLM_PROVIDER="openai",
        OPENAI_CONFIG={
            "api_key": KEY,
            "api_base": chat_server.url,
            "model": "gpt-4.1-mini",
            "max_retries": 0,
        },
    )
    return Ledger(clean / "llm_tracker.db")
