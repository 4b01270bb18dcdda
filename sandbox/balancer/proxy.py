"""Serving one listener: clients' connections, the answers the load balancer gives itself, forwarding.

Owns the life of a request: rule, endpoint, forwarding of both bodies piece by piece, timeouts, and how each failure looks to
the client and in the log. Does not own health nor configuration: it asks for both at every request, so that a connection
that is kept alive sees changes.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rules import load_balancer as facts
from rules.gateway import INFERENCE_POOL
from sandbox.balancer import matching, picking, wire
from sandbox.balancer.access_log import AccessLog, Entry
from sandbox.balancer.client import Client
from sandbox.balancer.forwarding import Forwarding
from sandbox.balancer.health import BackendHealth, Fleet
from sandbox.balancer.matching import Match
from sandbox.balancer.picking import Choice
from sandbox.balancer.programming import Listener, Program

_BODY_FOR_PICKER = 16 * 1024 * 1024
"""Bytes; a longer request to an InferencePool is refused: the picker has to see the whole prompt."""


class _TooLongError(Exception):
    pass


@dataclass(frozen=True, kw_only=True)
class View:
    """What a listener serves now. `local_ports` are those of the Gateway's listeners, by their own port."""

    program: Program
    listener: Listener
    local_ports: Mapping[int, int]


class Weights:
    """Picks among the weighted backends of rules so that every run of requests is split as exactly as can be."""

    def __init__(self) -> None:
        self._credit: dict[tuple[tuple[str, int], ...], dict[str, int]] = {}

    def choose(self, backends: tuple[tuple[str, int], ...]) -> str | None:
        """The key of the backend for the next request; None when every weight is 0."""
        credit = self._credit.setdefault(backends, {key: 0 for key, _ in backends})
        total = sum(weight for _, weight in backends)
        if total == 0:
            return None
        for key, weight in backends:
            credit[key] += weight
        chosen = max(credit, key=lambda key: credit[key])
        credit[chosen] -= total
        return chosen


class Proxy:
    """The connections of one listener; `view` is asked at every request, None is a listener that is going away."""

    def __init__(self, view: Callable[[], View | None], fleet: Fleet, log: AccessLog, weights: Weights) -> None:
        self._view = view
        self._fleet = fleet
        self._log = log
        self._weights = weights
        self._telling: set[asyncio.Task[None]] = set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one client's connection until either side ends it."""
        try:
            while await self._serve_one(Client(reader, writer)):
                pass
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            writer.close()

    async def _serve_one(self, client: Client) -> bool:
        """Serves one request; says whether another may follow on the connection."""
        try:
            head = await wire.read_head(client.reader)
        except wire.BadMessageError:
            await client.reply(400, "", closing=True)
            return False
        if head is None:
            return False
        client.head = head
        view = self._view()
        if view is None:
            return False
        task = asyncio.get_running_loop().create_task(self._answer(client, view))
        try:
            await task
        except asyncio.CancelledError:
            if not task.done():
                task.cancel()
                raise
            if not client.begun:  # its endpoint has left, and the time for draining is over
                await client.reply(503, facts.CONNECTION_TERMINATED, closing=True)
            return False
        return client.reusable

    async def _answer(self, client: Client, view: View) -> None:
        head = client.head
        host = head.get("host") or ""
        match = matching.find(view.listener.matches, host, head.second, head.headers)
        if match is None or (match.filter("requestRedirect") is None and not match.backends):
            await client.reply(404, facts.NO_ROUTE)
            return
        scheme = "https" if view.listener.protocol == "HTTPS" else "http"
        moved = matching.redirect(match, scheme, host, head.second)
        if moved is not None:
            await client.reply(moved[0], "", headers=[("location", _local(moved[1], host, view))])
            return
        key = self._weights.choose(match.backends) or ""
        backend = self._fleet.backends.get(key)
        entry = Entry(client=client.address, head=head, scheme=scheme, backend=key, began=time.monotonic())
        if backend is None:
            await client.refuse(entry, facts.FAILED_TO_PICK)
            return
        try:
            await self._forward(client, match, backend, entry, view.program.address)
        except _TooLongError:
            await client.reply(413, "", closing=True)
        except wire.BadMessageError:
            await client.reply(400, "", closing=True)
        except asyncio.CancelledError:
            entry.status, entry.detail = 503, facts.CLOSED_AFTER_PART if client.begun else facts.CLOSED_BEFORE_DATA
            raise
        finally:
            self._log.write(entry, backend.spec.log_share)

    async def _forward(self, client: Client, match: Match, backend: BackendHealth, entry: Entry, address: str) -> None:
        ahead = await _whole_body(client) if backend.spec.kind == INFERENCE_POOL else None
        choice = Choice(state=backend.pick()) if ahead is None else await self._picked(backend, ahead, client.head)
        if choice.refusal is not None:
            entry.status, entry.detail = choice.refusal[0], facts.SENT_BY_BACKEND
            await client.reply(*choice.refusal)
            return
        state = choice.state
        if state is None:
            await client.refuse(entry, facts.FAILED_TO_PICK)
            return
        entry.endpoint = state.endpoint
        if state.endpoint.local is None:  # its container is down, and checks have not told yet
            await client.refuse(entry, facts.FAILED_TO_CONNECT)
            return
        running = asyncio.current_task()
        assert running is not None  # noqa: S101 - this is a task
        state.requests.add(running)
        try:
            await Forwarding(client, match, backend.spec, entry, address).run(state.endpoint.local, ahead)
        finally:
            state.requests.discard(running)
            if choice.ticket is not None:
                self._telling.add(told := asyncio.get_running_loop().create_task(picking.done(choice.ticket)))
                told.add_done_callback(self._telling.discard)

    async def _picked(self, backend: BackendHealth, body: bytes, head: wire.Head) -> Choice:
        picker = backend.spec.picker
        pickers = self._fleet.backends.get(picker.key) if picker else None
        return await picking.pick(backend, pickers, body, head.headers)


async def _whole_body(client: Client) -> bytes:
    await client.proceed()
    body = bytearray()
    async for piece in wire.pieces(client.reader, client.head, until_closed=False):
        body += piece
        if len(body) > _BODY_FOR_PICKER:
            raise _TooLongError
    return bytes(body)


def _local(location: str, host: str, view: View) -> str:
    """A redirect to another scheme, made to lead to that scheme's local port for clients that used a local port."""
    number = host.rpartition(":")[2]
    own = view.local_ports.get(view.listener.port)
    if not number.isdigit() or int(number) != own:
        return location
    scheme, _, rest = location.partition("://")
    name, slash, path = rest.partition("/")
    other = view.local_ports.get(443 if scheme == "https" else 80)
    if other is None or ":" in name or name != matching.hostname(host):
        return location
    return f"{scheme}://{name}:{other}{slash}{path}"
