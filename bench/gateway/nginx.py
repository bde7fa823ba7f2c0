"""Two nginx servers with a configuration of their own: the provider that answers, and the plain proxy.

nginx cannot choose by what is in a body, so the provider has a base URL for whole answers (`/plain/v1`) and
one for streams (`/stream/v1`). Its stream is chunked, as every provider's is, but comes as fast as nginx can
write it: what is measured is the work per request and per event, not the patience between events.
"""

import os
import pwd
from pathlib import Path

import exchange
from processes import Process

PIECE = 2000  # characters of the answer per `set`: nginx refuses a word longer than 4,096 bytes


def start(folder: Path, config: Path, core: int) -> Process:
    """Run nginx with `config`, in the foreground, on one core."""
    command = ["nginx", "-p", str(folder), "-c", str(config)]
    environment = os.environ | {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin"}
    return Process(command, core=core, log=folder / "nginx.log", environment=environment)


def _server_config(folder: Path, http: str) -> Path:
    """Write a configuration that needs nothing outside `folder`, and give its path."""
    user = f"user {pwd.getpwuid(0).pw_name};" if os.geteuid() == 0 else ""
    paths = "\n".join(
        f"    {name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = folder / "nginx.conf"
    path.write_text(f"""\
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
{paths}
    keepalive_timeout 300;
    keepalive_requests 1000000000;
    tcp_nodelay on;
{http}
}}
""")
    return path


def upstream_config(folder: Path, port: int) -> Path:
    """The provider: a fixed answer to a POST of `chat/completions` below /plain/v1 and below /stream/v1."""
    plain = _return_directive("application/json", exchange.answer_body("plain"))
    # Server-side includes find nothing to include here; they make nginx forget the length and send chunks.
    stream = "            ssi on;\n            ssi_types text/event-stream;\n"
    stream += _return_directive("text/event-stream", exchange.answer_body("stream"))
    return _server_config(
        folder,
        f"""\
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        client_body_buffer_size 256k;
        location = /plain/v1/chat/completions {{
{plain}        }}
        location = /stream/v1/chat/completions {{
{stream}        }}
    }}""",
    )


def _return_directive(content_type: str, body: str) -> str:
    """A `return` of a body of any length, in pieces that it can read."""
    if "$" in body:
        raise ValueError("nginx would read a $ in the answer as a variable")
    pieces = [body[start : start + PIECE] for start in range(0, len(body), PIECE)]
    lines = [f"default_type {content_type};"]
    lines += [f"set $piece{number} '{_quoted(piece)}';" for number, piece in enumerate(pieces)]
    lines.append(f'return 200 "{"".join(f"${{piece{number}}}" for number in range(len(pieces)))}";')
    return "".join(f"            {line}\n" for line in lines)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")


def proxy_config(folder: Path, port: int, upstream_port: int) -> Path:
    """A plain reverse proxy with kept-alive connections, streams unbuffered; it records nothing."""
    return _server_config(
        folder,
        f"""\
    upstream provider {{
        server 127.0.0.1:{upstream_port};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        location /plain/ {{ proxy_pass http://provider; }}
        location /stream/ {{ proxy_pass http://provider; proxy_buffering off; }}
    }}""",
    )
