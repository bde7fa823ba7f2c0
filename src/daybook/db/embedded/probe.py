"""Ask a PostgreSQL server on a Unix socket whether it accepts connections.

A few bytes of its protocol (https://www.postgresql.org/docs/current/protocol-flow.html) instead of a client process per
probe: the launcher probes every few milliseconds while the server starts.
"""

import socket
import struct
from enum import Enum
from pathlib import Path

PORT = 5432  # names the socket file; nothing listens on a network


class Answer(Enum):
    """The server's response to a connection attempt."""

    READY = "ready"
    NO_DATABASE = "there is no such database"
    NOT_YET = "starting up, shutting down, or nobody there"


def socket_file(directory: Path | str) -> str:
    """Return the socket of a server whose socket directory is `directory`."""
    return f"{directory}/.s.PGSQL.{PORT}"


def probe(directory: Path | str, *, user: str, database: str, timeout: float = 5) -> Answer:
    """Try to use `database` as `user` on the server in `directory`."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(timeout)
            client.connect(socket_file(directory))
            client.sendall(_startup(user, database))
            answer = _read_answer(client)
            client.sendall(b"X\0\0\0\4")
    except OSError:
        return Answer.NOT_YET
    return answer


def _startup(user: str, database: str) -> bytes:
    parameters = f"user\0{user}\0database\0{database}\0application_name\0daybook probe\0\0".encode()
    return struct.pack("!ii", len(parameters) + 8, 3 << 16) + parameters


def _read_answer(client: socket.socket) -> Answer:
    while True:
        kind, length = struct.unpack("!ci", _read(client, 5))
        body = _read(client, length - 4)
        if kind == b"Z":  # ready for queries
            return Answer.READY
        if kind == b"E":
            fields = {part[:1]: part[1:] for part in body.split(b"\0") if part}
            # 3D000 invalid_catalog_name, 53300 too_many_connections (so it is up), else e.g. 57P03
            # cannot_connect_now
            known = {b"3D000": Answer.NO_DATABASE, b"53300": Answer.READY}
            return known.get(fields.get(b"C", b""), Answer.NOT_YET)


def _read(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = client.recv(size - len(data))
        if not part:
            raise ConnectionResetError
        data += part
    return data
