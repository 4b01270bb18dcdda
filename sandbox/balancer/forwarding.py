"""One request on its way through an endpoint, and the answer on its way back.

Owns what the backend gets (rewritten path, headers as Google's proxies set them), streaming in both directions without
gathering anything, and the backend's timeout, which covers the whole answer as on GKE: a stream that takes longer is cut.
Each request has a connection of its own. Does not own which endpoint it is.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress

from rules import load_balancer as facts
from sandbox.balancer import matching, wire
from sandbox.balancer.access_log import Entry
from sandbox.balancer.client import Client
from sandbox.balancer.matching import Match
from sandbox.balancer.specs import BackendSpec

_LOOK = 0.5
"""Seconds between two looks whether the client still waits."""


class _ClientLeftError(Exception):
    pass


class Forwarding:
    """One request on its way through an endpoint."""

    def __init__(self, client: Client, match: Match, backend: BackendSpec, entry: Entry, address: str) -> None:
        self._client = client
        self._match = match
        self._backend = backend
        self._entry = entry
        self._address = address

    async def run(self, port: int, ahead: bytes | None) -> None:
        """Sends the request to 127.0.0.1:`port`, and the answer back. `ahead` is its body where that has been read."""
        client, entry = self._client, self._entry
        secure = wire.unverified() if self._backend.protocol == "https" else None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=secure, limit=facts.HEAD_LIMIT_BYTES)
        except ssl.SSLError:
            await client.refuse(entry, facts.FAILED_TO_CONNECT, facts.TLS_REFUSED)
            return
        except OSError:
            await client.refuse(entry, facts.FAILED_TO_CONNECT)
            return
        sending: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(self._backend.timeout):
                writer.write(self._request())
                sending = asyncio.get_running_loop().create_task(self._send(writer, ahead))
                await self._relay(reader)
        except TimeoutError:
            await self._failed(facts.TIMED_OUT)
        except _ClientLeftError:
            entry.detail, client.reusable = facts.CLIENT_LEFT, False
        except (OSError, asyncio.IncompleteReadError, wire.BadMessageError):
            if client.writer.is_closing():
                entry.detail = facts.CLIENT_LEFT_EARLY if client.begun else facts.CLIENT_LEFT
                raise
            await self._failed(facts.CLOSED_AFTER_PART if client.begun else facts.CLOSED_BEFORE_DATA)
        finally:
            if sending is not None and not sending.done():
                client.reusable = False  # the rest of the request's body is still on the connection
                sending.cancel()
            writer.close()

    async def _failed(self, detail: str) -> None:
        if not self._client.begun:
            await self._client.refuse(self._entry, detail)
            return
        self._entry.detail = detail
        self._client.reusable = False
        self._client.writer.transport.abort()  # only this tells the client that the answer is not whole

    def _request(self) -> bytes:
        head = self._client.head
        named = head.tokens("connection")
        kept = [
            (name, value)
            for name, value in head.headers
            if name.lower() not in wire.HOP_BY_HOP and name.lower() not in named and name.lower() != "host"
        ]
        forwarded = [value for name, value in kept if name.lower() == "x-forwarded-for"]
        kept = [item for item in kept if item[0].lower() not in {"x-forwarded-for", "x-forwarded-proto"}]
        chain = ",".join([*forwarded, self._client.address, self._address])
        host = matching.rewritten_host(self._match, head.get("host") or "")
        headers: wire.Headers = [
            ("host", host),
            *kept,
            ("x-forwarded-for", chain),
            ("x-forwarded-proto", self._entry.scheme),
            ("via", facts.VIA),
            ("connection", "close"),
        ]
        if "chunked" in head.tokens("transfer-encoding"):
            headers = [item for item in headers if item[0].lower() != "content-length"]
            headers.append(("transfer-encoding", "chunked"))
        headers = matching.changed(headers, self._match.filter("requestHeaderModifier"))
        return wire.encoded(f"{head.first} {matching.rewritten(self._match, head.second)} HTTP/1.1", headers)

    async def _send(self, writer: asyncio.StreamWriter, ahead: bytes | None) -> None:
        head = self._client.head
        chunked = "chunked" in head.tokens("transfer-encoding")
        if ahead is None:
            await self._client.proceed()
        with suppress(OSError, wire.BadMessageError, asyncio.IncompleteReadError):  # the answer tells how it went
            async for piece in (
                wire.pieces(self._client.reader, head, until_closed=False) if ahead is None else _of(ahead)
            ):
                self._entry.received += len(piece)
                writer.write(wire.chunk(piece) if chunked else piece)
                await writer.drain()
            if chunked:
                writer.write(wire.chunk(b""))
                await writer.drain()

    async def _head(self, reader: asyncio.StreamReader) -> wire.Head | None:
        """The head of the backend's answer, while the client is there to get it."""
        reading = asyncio.get_running_loop().create_task(wire.read_head(reader))
        try:
            while not (await asyncio.wait({reading}, timeout=_LOOK))[0]:
                if self._client.reader.at_eof():
                    raise _ClientLeftError
            return reading.result()
        finally:
            reading.cancel()

    async def _relay(self, reader: asyncio.StreamReader) -> None:
        client, entry = self._client, self._entry
        head = await self._head(reader)
        while head is not None and head.second.startswith("1"):
            head = await self._head(reader)  # 100 Continue was the load balancer's own to send
        if head is None:
            raise asyncio.IncompleteReadError(b"", None)
        if not head.first.startswith("HTTP/") or not head.second.isdigit():
            raise wire.BadMessageError("the backend does not speak HTTP")
        entry.status, entry.detail = int(head.second), facts.SENT_BY_BACKEND
        empty = client.head.first == "HEAD" or entry.status in {204, 304}
        known = head.get("content-length") is not None or empty
        chunked = not known and client.head.third == "HTTP/1.1"
        headers = [item for item in head.headers if item[0].lower() not in wire.HOP_BY_HOP]
        headers = matching.changed([*headers, ("via", facts.VIA)], self._match.filter("responseHeaderModifier"))
        if chunked:
            headers.append(("transfer-encoding", "chunked"))
        elif not known:
            client.reusable = False
        await client.begin(head.second, head.third, headers)
        if empty:
            return
        async for piece in wire.pieces(reader, head, until_closed=True):
            entry.sent += len(piece)
            client.writer.write(wire.chunk(piece) if chunked else piece)
            await client.writer.drain()
        if chunked:
            client.writer.write(wire.chunk(b""))
            await client.writer.drain()


async def _of(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body
