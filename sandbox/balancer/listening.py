"""The sockets of the listeners: which are open, on which local port, with which certificates, and why one is not.

Owns opening, closing and changing them. A listener whose new certificates cannot be used goes on with the old ones, as Google's
load balancer does. Does not own what a connection is answered (`proxy`) nor the certificates themselves (`certificate`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from rules.load_balancer import HEAD_LIMIT_BYTES
from sandbox.balancer import certificate, ports
from sandbox.balancer.programming import Listener, Program
from sandbox.gke.listeners import place_of

Object = dict[str, Any]
Secrets = Mapping[tuple[str, str], Object]
Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_RETRY_SECONDS = 2.0

_log = logging.getLogger(__name__)


class Listening:
    """The sockets of one load balancer, whose state file is `state_file`; `connected` makes what serves a Gateway's listener."""

    def __init__(self, state_file: Path, connected: Callable[[str, str], Connected]) -> None:
        self._state_file = state_file
        self._certificates = state_file.parent / "balancer"
        self._connected = connected
        self._servers: dict[str, tuple[asyncio.Server, object]] = {}
        self._tried = 0.0
        self.ports = ports.remembered(state_file)
        """Local ports by `namespace/gateway/listener`; also of listeners that are not open."""
        self.urls: dict[str, str] = {}
        """Where each open listener is."""
        self.refused: dict[str, str] = {}
        """Why a listener is not as it should be."""

    @property
    def is_due(self) -> bool:
        """Whether something was refused long enough ago to be tried again: a port may have become free."""
        return bool(self.refused) and time.monotonic() >= self._tried + _RETRY_SECONDS

    async def update(self, programs: Iterable[Program], secrets: Secrets) -> None:
        """Makes the listeners those of the programs."""
        self._tried = time.monotonic()
        wanted = {f"{program.key}/{item.name}": (program, item) for program in programs for item in program.listeners}
        for name in set(self._servers) - set(wanted):
            self._close(name)
        self.refused = {name: text for name, text in self.refused.items() if name in wanted}
        for name, (program, listener) in wanted.items():
            held = [secrets.get(place) for place in _places(program, listener)]
            versions = tuple(item and item["metadata"]["resourceVersion"] for item in held)
            tls = json.dumps(listener.tls, sort_keys=True)
            identity = (listener.protocol, tls, program.address, names(listener), versions)
            if name in self._servers and self._servers[name][1] == identity:
                self.refused.pop(name, None)
                continue
            try:
                await self._open(name, program, listener, identity, secrets)
                self.refused.pop(name, None)
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                self._refuse(name, str(error))

    def _refuse(self, name: str, text: str) -> None:
        if self.refused.get(name) != text:
            self.refused[name] = text
            _log.warning("listener %s cannot be served: %s", name, text)

    async def _open(self, name: str, program: Program, listener: Listener, identity: object, secrets: Secrets) -> None:
        context = self._context(name, program, listener, secrets) if listener.protocol == "HTTPS" else None
        if name in self._servers:
            self._close(name)
        port = ports.choose(name, self.ports, self._state_file)
        if port is None:
            raise OSError("every local port of the load balancer is taken")
        connected = self._connected(program.key, listener.name)
        server = await asyncio.start_server(connected, "127.0.0.1", port, ssl=context, limit=HEAD_LIMIT_BYTES)
        self.ports[name] = port
        self._servers[name] = (server, identity)
        scheme = "http" if context is None else "https"
        self.urls[name] = f"{scheme}://127.0.0.1:{port}"

    def _context(self, name: str, program: Program, listener: Listener, secrets: Secrets) -> ssl.SSLContext:
        folder, file = self._certificates, name.replace("/", "_")
        found: list[Object] = []
        for place in _places(program, listener):
            if place not in secrets:
                raise ValueError(f"Secret {'/'.join(place)} not found")
            found.append(secrets[place])
        if found:
            return certificate.of_secrets(folder, file, found)
        return certificate.local(folder, file, [*names(listener), *([program.address] if program.address else [])])

    def _close(self, name: str) -> None:
        server, _ = self._servers.pop(name)
        self.urls.pop(name, None)
        server.close()


def names(listener: Listener) -> tuple[str, ...]:
    """The host names that a listener serves."""
    hosts = {host for match in listener.matches for host in match.hosts}
    return tuple(sorted(hosts | ({listener.hostname} if listener.hostname else set())))


def _places(program: Program, listener: Listener) -> list[tuple[str, str]]:
    """The Secrets of a listener's certificates."""
    return [place_of(item, program.namespace) for item in listener.tls.get("certificateRefs") or []]
