"""The address that Daybook listens on."""

import errno
import http.client
import socket

from daybook.kit.errors import Conflict, Invalid

_LAST_PORT = 65535
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  (only compared)


def check_free(host: str, port: int) -> None:
    """Raise `Conflict` if another program listens there, `Invalid` if Daybook cannot listen on `host`."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in addresses:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
                probe.listen(1)
    except socket.gaierror as error:
        raise Invalid(f"DAYBOOK_HOST={host} is not an address: {error.strerror}.") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            other = port + 1 if port < _LAST_PORT else port - 1
            raise Conflict(
                f"Port {port} of {host} is in use by another program. Choose another one, for example: "
                f"DAYBOOK_PORT={other} make run"
            ) from error
        if error.errno == errno.EACCES:
            raise Invalid(f"Port {port} needs privileges. Set DAYBOOK_PORT to 1024 or higher.") from error
        raise Invalid(f"Daybook cannot listen on DAYBOOK_HOST={host}: {error.strerror}.") from error


def free_port() -> int:
    """A free port of the loopback address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def url_of(host: str, port: int) -> str:
    """The URL to open on this machine."""
    name = _ANY.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def answers(host: str, port: int) -> bool:
    """True if `GET /` returns 200."""
    connection = http.client.HTTPConnection(_ANY.get(host, host), port, timeout=5)
    try:
        connection.request("GET", "/")
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return response.status == http.client.OK
