"""How fast a large video is uploaded, and what memory that takes, beside peers that keep the same bytes.

    .venv/bin/python bench/upload.py             # 1 GB, three rounds; some 4 GB of disk, on a quiet machine
    .venv/bin/python bench/upload.py --quick     # 100 MB, once, to see that it works; not to be quoted

The peers are nginx, which writes a body to a file (`client_body_in_file_only`), and a bare server on uvloop, which
writes what comes in the thread that receives it and syncs in the end. Daybook hashes the bytes while they come, syncs
them, reads them back from the disk and hashes them again, probes the video, stores it and enqueues its jobs. All of
that is in its time, which is from the first byte of the request to the answer. Rounds are interleaved; every one sends
another video, a short one made long by a box that players skip. Memory is that of `daybook serve`: its peak during an
upload, and before.

It fails where an upload is not taken in whole, is slower than 200 MB/s, or adds more than 100 MB to the server's
memory.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from daybook.accounts import service as accounts
from daybook.db.embedded import EmbeddedServer
from daybook.db.engine import Database
from daybook.db.migrate import upgrade

LEAST = 200.0  # MB/s
MOST = 100.0  # MB that an upload may add
PIECE = 2**20

SINK = """
import asyncio, os, sys, uvloop

class Sink(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.head, self.left = transport, b"", None

    def data_received(self, data):
        if self.left is None:
            self.head += data
            head, found, data = self.head.partition(b"\\r\\n\\r\\n")
            if not found:
                return
            self.left = int(head.lower().partition(b"content-length: ")[2].split()[0])
            self.file = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(self.file, data)
        self.left -= len(data)
        if not self.left:
            os.fdatasync(self.file)
            os.close(self.file)
            self.transport.write(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")

async def main():
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()

uvloop.run(main())
"""

NGINX = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 0;
        location /kept {{ return 204; }}
        location / {{
            client_body_in_file_only clean;
            client_body_buffer_size 1m;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_pass http://127.0.0.1:{port}/kept;
        }}
    }}
}}
"""


class Video:
    """A video of a given size; each `renew` makes it another one, in its last bytes."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self._number = 0
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=2",
            "-c:v", "mpeg4", "-f", "mp4", str(path),
        ]  # fmt: skip
        subprocess.run(command, check=True)
        with path.open("ab") as file:
            rest = size - file.tell()
            file.write(rest.to_bytes(4, "big") + b"free")
            block = os.urandom(PIECE)
            while left := size - file.tell():
                file.write(block[:left])

    def renew(self) -> str:
        """Another video; its SHA-256."""
        self._number += 1
        with self.path.open("r+b") as file:
            file.seek(-8, os.SEEK_END)
            file.write(self._number.to_bytes(8, "big"))
        digest = hashlib.sha256()
        with self.path.open("rb") as file:  # now it is in the kernel's cache, for every target alike
            while piece := file.read(PIECE):
                digest.update(piece)
        return digest.hexdigest()


def send(port: int, method: str, path: str, video: Path, headers: dict[str, str]) -> tuple[float, str]:
    """Seconds until the answer, and its head."""
    size = video.stat().st_size
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"{method} {path} HTTP/1.1\r\nHost: daybook\r\nContent-Length: {size}\r\n{lines}\r\n".encode()
    with socket.create_connection(("127.0.0.1", port)) as connection, video.open("rb") as file:
        began = time.perf_counter()
        connection.sendall(head)
        connection.sendfile(file)
        answer = connection.recv(65536)
        return time.perf_counter() - began, answer.decode("latin-1")


class Daybook:
    """`daybook serve` with somebody signed in."""

    def __init__(self, port: int, pid: int, account: str, password: str) -> None:
        self.port = port
        self.pid = pid
        self.idle: list[float] = []
        self.peak: list[float] = []
        body = json.dumps({"account": account, "password": password}).encode()
        with self._ask("POST", "/api/v1/session", {"Content-Type": "application/json"}, body) as answer:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]

    def upload(self, video: Path, sha256: str) -> float:
        """Seconds of an upload that was announced."""
        told = {"Cookie": self.cookie, "Tus-Resumable": "1.0.0", "Upload-Length": str(video.stat().st_size)}
        told["Upload-Metadata"] = f"sha256 {base64.b64encode(sha256.encode()).decode()}"
        with self._ask("POST", "/api/v1/uploads", told, b"") as answer:
            location = answer.headers["location"]
        self.idle.append(self._memory("VmRSS"))
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # the peak starts again
        headers = {
            "Cookie": self.cookie,
            "Tus-Resumable": "1.0.0",
            "Upload-Offset": "0",
            "Content-Type": "application/offset+octet-stream",
        }
        seconds, answer_head = send(self.port, "PATCH", location, video, headers)
        self.peak.append(self._memory("VmHWM"))
        if not answer_head.startswith("HTTP/1.1 204") or "x-daybook-recording" not in answer_head:
            raise SystemExit(f"The video was not taken in:\n{answer_head}")
        return seconds

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Any:
        url = f"http://127.0.0.1:{self.port}{path}"
        return urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method), timeout=60)

    def _memory(self, name: str) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition(f"{name}:")[2].split()[0]) * 1024 / 1e6


@contextmanager
def daybook(folder: Path) -> Iterator[Daybook]:
    """A server on a database of its own, durable as in daily use."""
    postgres = EmbeddedServer(folder)
    postgres.start()
    try:
        upgrade(postgres.dsn)
        first = asyncio.run(_first_run(postgres.dsn))
        port = free_port()
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("DAYBOOK_", "AWS_"))
        }
        environment = {
            **clean,
            "DATABASE_URL": postgres.dsn,
            "DAYBOOK_DATA": str(folder / "data"),
            "DAYBOOK_PORT": str(port),
        }
        with running([sys.executable, "-m", "daybook", "serve"], port, environment) as pid:
            yield Daybook(port, pid, first.account, first.password)
    finally:
        postgres.stop()


async def _first_run(dsn: str) -> accounts.FirstRun:
    database = Database.connect(dsn)
    async with database.write() as session:
        first = await accounts.first_run(session)
    await database.close()
    return first


@contextmanager
def peers(folder: Path) -> Iterator[dict[str, Callable[[Path], float]]]:
    """How to send a video to each of those that only keep it."""
    port = free_port()
    with running([sys.executable, "-c", SINK, str(port), str(folder / "kept")], port) as _:
        found = {"uvloop": lambda video: send(port, "PATCH", "/", video, {})[0]}
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            print("nginx is not installed: measured without it.")
            yield found
            return
        second = free_port()
        config = folder / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        config.write_text(NGINX.format(user=user, folder=folder, port=second))
        with running([program, "-p", str(folder), "-c", str(config)], second) as _:
            yield {**found, "nginx": lambda video: send(second, "POST", "/", video, {})[0]}


@contextmanager
def running(command: list[str], port: int, environment: dict[str, str] | None = None) -> Iterator[int]:
    """A program that listens on `port`; its process id. Its words are shown if it fails."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    if process.poll() is not None:
                        log.seek(0)
                        raise SystemExit(f"{command[:3]} ended:\n{log.read().decode()}") from None
                    time.sleep(0.05)
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def report(seconds: dict[str, list[float]], installation: Daybook, size: int, *, quick: bool) -> int:
    """Print what was measured; 1 where it is not enough."""
    rates = {name: size / 1e6 / statistics.median(taken) for name, taken in seconds.items()}
    print(f"\nUploads of {size / 1e6:,.0f} MB, medians of {len(seconds['Daybook'])}:\n")
    for name, rate in sorted(rates.items(), key=lambda pair: -pair[1]):
        taken = ", ".join(f"{one:.2f}" for one in seconds[name])
        print(f"{name:8} {rate:7.0f} MB/s   Daybook/{name} {rates['Daybook'] / rate:.2f}   ({taken} s)")
    added = max(peak - idle for peak, idle in zip(installation.peak, installation.idle, strict=True))
    print(
        f"\nserve: {installation.idle[0]:.0f} MB before, {max(installation.peak):.0f} MB at most, {added:.0f} MB added"
    )
    if quick:
        print("A quick run: not to be quoted.")
        return 0
    return int(rates["Daybook"] < LEAST or added > MOST)


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="100 MB, once")
    quick = parser.parse_args().quick
    size, rounds = (100_000_000, 1) if quick else (1_000_000_000, 3)
    folder = Path(tempfile.mkdtemp(prefix="daybook-bench-"))
    folder.chmod(0o711)  # PostgreSQL may have to run as another user
    try:
        with daybook(folder) as installation, peers(folder) as senders:
            video = Video(folder / "video.mp4", size)
            seconds: dict[str, list[float]] = {name: [] for name in [*senders, "Daybook"]}
            for _ in range(rounds):
                sha256 = video.renew()
                for name, sender in senders.items():
                    seconds[name].append(sender(video.path))
                    os.sync()
                seconds["Daybook"].append(installation.upload(video.path, sha256))
                os.sync()
            return report(seconds, installation, size, quick=quick)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
