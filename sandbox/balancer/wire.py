"""HTTP/1.1 on asyncio streams: as much of it as a proxy needs.

Owns reading and writing of heads and bodies, a body piece by piece as it arrives, and a small client for health checks and
the endpoint picker. Does not own connections of clients nor decisions (`proxy`).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache

from rules.load_balancer import HEAD_LIMIT_BYTES

Headers = list[tuple[str, str]]

PIECE = 64 * 1024

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect"}
)


class BadMessageError(Exception):
    """The peer does not speak HTTP/1.1, or its head is too long."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """A start line with its headers. `first`, `second`, `third` are the parts of the start line."""

    first: str
    second: str
    third: str
    headers: Headers = field(default_factory=Headers)

    def get(self, name: str) -> str | None:
        """The value of a header, the first of several."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def tokens(self, name: str) -> set[str]:
        """The comma-separated tokens of a header, in lower case."""
        values = [value for key, value in self.headers if key.lower() == name]
        return {token.strip().lower() for value in values for token in value.split(",")}


async def read_head(reader: asyncio.StreamReader) -> Head | None:
    """The next message's head; None when the peer has closed before one began.

    Raises:
        BadMessageError: what came is none.
    """
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as error:
        if error.partial.strip():
            raise BadMessageError("the connection was closed within a head") from None
        return None
    except asyncio.LimitOverrunError:
        raise BadMessageError("the head is too long") from None
    start, *lines = text[:-4].lstrip("\r\n").split("\r\n")
    parts = start.split(" ", 2)
    headers: Headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadMessageError(f"no header: {line[:80]!r}")
        headers.append((name, value.strip()))
    if len(parts) < 2:
        raise BadMessageError(f"no start line: {start[:80]!r}")
    return Head(first=parts[0], second=parts[1], third=parts[2] if len(parts) > 2 else "", headers=headers)


async def pieces(reader: asyncio.StreamReader, head: Head, *, until_closed: bool) -> AsyncIterator[bytes]:
    """A message's body as it arrives, without its chunked coding; with neither length nor coding, until the end if asked.

    Raises:
        BadMessageError: the coding is broken.
        asyncio.IncompleteReadError: the peer closed within the body.
    """
    if "chunked" in head.tokens("transfer-encoding"):
        async for piece in _chunks(reader):
            yield piece
        return
    length = head.get("content-length")
    if length is None:
        while until_closed and (piece := await reader.read(PIECE)):
            yield piece
        return
    if not length.isdigit():
        raise BadMessageError(f"content-length: {length!r}")
    left = int(length)
    while left:
        piece = await reader.read(min(left, PIECE))
        if not piece:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(piece)
        yield piece


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while True:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise asyncio.IncompleteReadError(line, None)
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            raise BadMessageError(f"chunk size: {line[:40]!r}") from None
        if size == 0:
            while (await reader.readline()).strip():
                pass  # trailers are dropped
            return
        left = size
        while left:
            piece = await reader.read(min(left, PIECE))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)
            yield piece
        await reader.readexactly(2)


def encoded(start: str, headers: Headers) -> bytes:
    """A head as bytes."""
    return "\r\n".join([start, *(f"{name}: {value}" for name, value in headers), "", ""]).encode("latin-1")


def chunk(piece: bytes) -> bytes:
    """One piece of a chunked body; the empty piece ends it."""
    return b"%x\r\n%s\r\n" % (len(piece), piece)


@cache
def unverified() -> ssl.SSLContext:
    """TLS towards a backend: Google's load balancer does not check the certificate of an HTTPS backend either."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def fetch(
    port: int,
    method: str,
    target: str,
    *,
    headers: Headers,
    body: bytes = b"",
    secure: bool = False,
    limit: int = PIECE,
) -> tuple[int, bytes]:
    """(status, at most `limit` bytes of the body) of one request to 127.0.0.1:`port`.

    Raises:
        OSError: nothing listens, or the connection broke.
        BadMessageError: what listens there does not speak HTTP.
    """
    context = unverified() if secure else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, limit=HEAD_LIMIT_BYTES)
    try:
        own: Headers = [*headers, ("connection", "close")]
        if body or method == "POST":
            own.append(("content-length", str(len(body))))
        writer.write(encoded(f"{method} {target} HTTP/1.1", own) + body)
        await writer.drain()
        head = await read_head(reader)
        if head is None or not head.first.startswith("HTTP/") or not head.second.isdigit():
            raise BadMessageError("the connection was closed without an answer" if head is None else "this is no HTTP")
        content = b""
        with suppress(asyncio.IncompleteReadError):
            async for piece in pieces(reader, head, until_closed=True):
                content += piece
                if len(content) >= limit:
                    break
        return int(head.second), content[:limit]
    finally:
        writer.close()
