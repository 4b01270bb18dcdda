"""HTTP/1.1 requests over connections that are kept open, for the load test.

Owns connections and reading answers. Does not own when requests are sent. Only what a load test needs: an answer's status, one
of its headers, and that all of its body has arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


class TargetError(ValueError):
    """A URL or header that cannot be used; the message names it and says what to write."""


class BrokenAnswerError(Exception):
    """The server closed the connection, or answered no HTTP; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class HttpTarget:
    """Where and what is sent, each time the same."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    request: bytes

    @classmethod
    def of(
        cls, url: str, *, method: str = "GET", headers: Mapping[str, str], body: bytes = b"", insecure: bool = False
    ) -> HttpTarget:
        """The target of `url`.

        Raises:
            TargetError: it is no http or https URL with a host.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise TargetError(f"url: {url!r}: {error}. Write one such as http://HOST:PORT/PATH.") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise TargetError(f"url: {url!r} is no HTTP URL. Write one such as http://HOST:PORT/PATH.")
        context = ssl.create_default_context() if parts.scheme == "https" else None
        if context is not None and insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        own = {"Host": parts.netloc.rpartition("@")[2], "User-Agent": "load-test", "Accept": "*/*"}
        if body or method in {"POST", "PUT"}:
            own |= {"Content-Length": str(len(body)), "Content-Type": "application/json"}
        given = {name.lower() for name in headers}
        sent = {**{name: value for name, value in own.items() if name.lower() not in given}, **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        if any("\n" in line or "\r" in line or not line.isascii() for line in lines):
            raise TargetError("url or header: it holds a character that HTTP cannot carry. Write it percent-encoded.")
        default = 443 if context is not None else 80
        request = "\r\n".join(lines).encode() + body
        return cls(host=parts.hostname, port=port or default, tls=context, request=request)


class Connections:
    """Connections to one target; one that is free is used again, else another one is opened."""

    def __init__(self, target: HttpTarget) -> None:
        self._target = target
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def send(self) -> Answer:
        """One request and its whole answer.

        Raises:
            OSError: no connection.
            BrokenAnswerError: no answer; a connection that had been used before is replaced once, as it may have been idle
                for longer than the server keeps one.
        """
        while self._free:
            reader, writer = self._free.pop()
            if not reader.at_eof() and not writer.is_closing():
                with contextlib.suppress(BrokenAnswerError, ConnectionError):
                    return await self._exchange(reader, writer)
        target = self._target
        reader, writer = await asyncio.open_connection(target.host, target.port, ssl=target.tls)
        return await self._exchange(reader, writer)

    def close(self) -> None:
        """Closes those that are free."""
        for _, writer in self._free:
            writer.close()
        self._free.clear()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
        kept = False
        try:
            writer.write(self._target.request)
            await writer.drain()
            answer = await _head(reader)
            while 100 <= answer.status < 200:
                answer = await _head(reader)
            bounded = await _body(reader, answer)
            kept = bounded and answer.headers.get("connection", "").lower() != "close"
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise BrokenAnswerError("connection closed before the answer was complete") from error
        finally:
            if kept:
                self._free.append((reader, writer))
            else:
                writer.close()
        return answer


async def _head(reader: asyncio.StreamReader) -> Answer:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdecimal():
        raise BrokenAnswerError("the answer is no HTTP/1.1")
    pairs = (line.partition(":") for line in lines if line)
    return Answer(status=int(words[1]), headers={name.strip().lower(): value.strip() for name, _, value in pairs})


async def _body(reader: asyncio.StreamReader, answer: Answer) -> bool:
    """Reads the body; says whether its end was told by the head, so that the connection can be used again."""
    length = answer.headers.get("content-length")
    if answer.status in {204, 304} or length == "0":
        return True
    if answer.headers.get("transfer-encoding", "").lower() == "chunked":
        while size := _chunk_size(await reader.readuntil(b"\n")):
            await reader.readexactly(size + 2)
        while (await reader.readuntil(b"\n")).strip():
            pass
        return True
    if length is not None and length.isdecimal():
        await reader.readexactly(int(length))
        return True
    await reader.read()
    return False


def _chunk_size(line: bytes) -> int:
    try:
        return int(line.split(b";")[0], 16)
    except ValueError:
        raise BrokenAnswerError("the answer is no HTTP/1.1") from None
