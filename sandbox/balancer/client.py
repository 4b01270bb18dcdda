"""One client's connection while one request is served, and the answers the load balancer gives itself.

Owns what goes to the client: heads, connection reuse, Envoy's local replies. Does not own what a backend answers
(`forwarding`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from rules import load_balancer as facts
from sandbox.balancer import wire
from sandbox.balancer.access_log import Entry

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_REASONS = {
    301: "Moved Permanently",
    302: "Found",
    400: "Bad Request",
    404: "Not Found",
    413: "Payload Too Large",
    429: "Too Many Requests",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_FAILURES: Mapping[str, tuple[int, str]] = {
    facts.FAILED_TO_PICK: (503, facts.NO_HEALTHY_UPSTREAM),
    facts.FAILED_TO_CONNECT: (503, facts.CONNECTION_REFUSED),
    facts.CLOSED_BEFORE_DATA: (503, facts.CONNECTION_TERMINATED),
    facts.TIMED_OUT: (504, facts.BACKEND_TIMEOUT),
}


class Client:
    """One client's connection during one request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.head = wire.Head(first="GET", second="/", third="HTTP/1.1")
        self.reusable = True
        self.begun = False
        peer = writer.get_extra_info("peername") or ("", 0)
        self.address = str(peer[0])

    @property
    def _persistent(self) -> bool:
        tokens = self.head.tokens("connection")
        return "close" not in tokens and (self.head.third == "HTTP/1.1" or "keep-alive" in tokens)

    @property
    def bodiless(self) -> bool:
        """Whether the request has no body that would have to be read before the next one."""
        length = self.head.get("content-length") or "0"
        return length == "0" and "chunked" not in self.head.tokens("transfer-encoding")

    async def proceed(self) -> None:
        """Tells a client that waits for it to send its body."""
        if "100-continue" in self.head.tokens("expect"):
            self.writer.write(_CONTINUE)
            await self.writer.drain()

    async def begin(self, status: str, reason: str, headers: wire.Headers) -> None:
        """Sends the head of the answer."""
        self.begun = True
        self.reusable = self.reusable and self._persistent
        if not self.reusable:
            headers = [*headers, ("connection", "close")]
        self.writer.write(wire.encoded(f"HTTP/1.1 {status} {reason}".rstrip(), headers))
        await self.writer.drain()

    async def reply(
        self, status: int, body: str, *, headers: wire.Headers | None = None, closing: bool = False
    ) -> None:
        """An answer of the load balancer's own."""
        self.reusable = self.reusable and not closing and self.bodiless
        own: wire.Headers = [*(headers or []), ("content-length", str(len(body))), ("via", facts.VIA)]
        if body:
            own.append(("content-type", "text/plain"))
        await self.begin(str(status), _REASONS.get(status, ""), own)
        if self.head.first != "HEAD":
            self.writer.write(body.encode())
        await self.writer.drain()

    async def refuse(self, entry: Entry, detail: str, words: str | None = None) -> None:
        """A failure on the way to the backend, in Envoy's words, if there still can be an answer."""
        entry.detail = detail
        status, usual = _FAILURES[detail]
        body = words or usual
        entry.status, entry.sent = status, len(body)
        await self.reply(status, body)
