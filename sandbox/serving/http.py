"""A small HTTP/1.1 server on asyncio, shared by all stand-in servers.

Owns: connections, keep-alive, bodies, streamed answers, TLS, and the end: on SIGTERM or SIGINT it stops accepting at
once, lets requests in flight finish for the grace period, then ends. Does not own any path. Why not the standard
library's http.server: one thread per connection costs more memory and start-up time than a stand-in may take.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

LOOPBACK: Final = "127.0.0.1"
_MAX_BODY: Final = 64 * 1024 * 1024
_IDLE_SECONDS: Final = 75.0
"""How long a connection may be idle before it is closed."""
SERVED_BY: Final = "x-served-by"
_INVALID: Final = "WARNING:  Invalid HTTP request received."
"""uvicorn's words; with HTTPS health checks on a plain HTTP server they fill the log of a real one."""


class BadRequestError(Exception):
    """What came is not HTTP/1.1, or too large; the connection is closed."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. Header names are in lower case; `path` is without the query."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: str

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is none.
        """
        return json.loads(self.body)


@dataclass(kw_only=True)
class Response:
    """One answer: `body`, or pieces from `stream` sent as they come."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    stream: AsyncIterator[bytes] | None = None


def json_response(value: object, status: int = 200) -> Response:
    """`value` as JSON."""
    return Response(status=status, body=json.dumps(value, separators=(",", ":")).encode())


Handler = Callable[[Request], Awaitable[Response]]
"""Answers a request; what it raises becomes 500."""


def bound(port: int) -> socket.socket:
    """A socket that holds `port` of 127.0.0.1 and refuses connections until a `Server` listens on it.

    Raises:
        OSError: the port is taken.
    """
    made = socket.socket()
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((LOOPBACK, port))
    except OSError:
        made.close()
        raise
    return made


class Server:
    """One listening port on 127.0.0.1. `access` gets a line per answer, `complain` one per broken request.

    `port` is a number, or a socket that was `bound` earlier. `pod` is the pod's name, which answers carry as x-served-by: a load
    test tells by it who has answered.
    """

    def __init__(
        self,
        handler: Handler,
        port: int | socket.socket,
        *,
        tls: ssl.SSLContext | None = None,
        access: Callable[[Request, int], None] | None = None,
        complain: Callable[[str], None] | None = None,
        pod: str = "",
    ) -> None:
        self._handler = handler
        self._port = port
        self._tls = tls
        self._access = access
        self._complain = complain or _silent
        self._pod = pod
        self._server: asyncio.Server | None = None
        self._idle: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._closing = False

    async def start(self) -> None:
        """Listens. Raises OSError when the port is taken."""
        listener = bound(self._port) if isinstance(self._port, int) else self._port
        self._server = await asyncio.start_server(self._accept, sock=listener, ssl=self._tls, backlog=512)

    async def stop(self, grace: float) -> None:
        """Accepts nothing more, waits up to `grace` seconds for requests in flight, closes everything."""
        self._closing = True
        if self._server is not None:
            self._server.close()
        for writer in list(self._idle):
            writer.close()
        if self._connections:
            await asyncio.wait(self._connections, timeout=grace)
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=1.0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - asyncio runs this as a task
        self._connections.add(task)
        try:
            await self._serve(reader, writer)
        except BadRequestError as error:
            self._complain(str(error))
            with contextlib.suppress(OSError):
                writer.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            return  # the peer went away
        except asyncio.CancelledError:
            return  # the server ends; its loop is not to see this as a failure
        finally:
            self._connections.discard(task)
            self._idle.discard(writer)
            with contextlib.suppress(OSError):
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        while not self._closing:
            self._idle.add(writer)
            request = await _read(reader, f"{peer[0]}:{peer[1]}" if peer else "-")
            self._idle.discard(writer)
            if request is None:
                return
            try:
                response = await self._handler(request)
            except Exception as error:  # noqa: BLE001 - one broken request must not end the server
                self._complain(f"ERROR: {request.method} {request.path}: {type(error).__name__}: {error}")
                response = Response(status=500, body=b"Internal Server Error", content_type="text/plain")
            if self._pod:
                response.headers.setdefault(SERVED_BY, self._pod)
            keep = request.headers.get("connection", "").lower() != "close" and not self._closing
            if self._access is not None:
                self._access(request, response.status)
            await _write(writer, request, response, keep=keep)
            if not keep:
                return


def _silent(_text: str) -> None:
    return


async def _read(reader: asyncio.StreamReader, peer: str) -> Request | None:
    first = await asyncio.wait_for(reader.read(1), _IDLE_SECONDS)
    if not first:
        return None
    if not first.isalpha():  # such as TLS: its first byte must be enough, because the client waits for an answer
        raise BadRequestError(_INVALID)
    try:
        head = first + await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _IDLE_SECONDS)
    except asyncio.LimitOverrunError:
        raise BadRequestError(_INVALID) from None
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequestError(_INVALID)
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, separator, value = line.partition(":")
        if separator:
            headers[name.strip().lower()] = value.strip()
    if words[2] == "HTTP/1.0":
        headers.setdefault("connection", "close")
    target = urlsplit(words[1])
    body = await _body(reader, headers)
    return Request(method=words[0], path=target.path, query=target.query, headers=headers, body=body, peer=peer)


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts: list[bytes] = []
        while True:
            line = await reader.readline()
            try:
                size = int(line.split(b";")[0], 16)
            except ValueError:
                raise BadRequestError(_INVALID) from None
            data = await reader.readexactly(size + 2)
            if size == 0:
                return b"".join(parts)
            parts.append(data[:-2])
            if sum(map(len, parts)) > _MAX_BODY:
                raise BadRequestError("WARNING:  Request body too large.")
    text = headers.get("content-length", "0")
    if not text.isdecimal() or int(text) > _MAX_BODY:
        raise BadRequestError(_INVALID)
    return await reader.readexactly(int(text))


async def _write(writer: asyncio.StreamWriter, request: Request, response: Response, *, keep: bool) -> None:
    reason = HTTPStatus(response.status).phrase
    lines = [f"HTTP/1.1 {response.status} {reason}", f"connection: {'keep-alive' if keep else 'close'}"]
    if response.body or response.stream is not None:
        lines.append(f"content-type: {response.content_type}")
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines.append("transfer-encoding: chunked" if response.stream else f"content-length: {len(response.body)}")
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    if response.stream is None:
        writer.write(head + (b"" if request.method == "HEAD" else response.body))
        await writer.drain()
        return
    writer.write(head)
    stream = response.stream
    try:
        async for piece in stream:
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    finally:
        closing = getattr(stream, "aclose", None)
        if closing is not None:
            await closing()


async def until_signal() -> int:
    """Waits for SIGTERM or SIGINT and returns its number."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[int] = loop.create_future()

    def note(number: int) -> None:
        if not arrived.done():
            arrived.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, note, int(number))
    return await arrived


def server_tls(certificate: str, key: str) -> ssl.SSLContext:
    """TLS with these PEM files. Raises OSError or ssl.SSLError when they cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
