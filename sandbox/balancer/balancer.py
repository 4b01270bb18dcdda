"""The load balancer of one cluster: keeps what it serves equal to what the cluster's objects ask for.

Owns the loop: look at everything, program each Gateway, have listeners opened and backends checked, write the state. What is
right is decided elsewhere: `programming`, `listening`, `endpoints`, `health`, `gates`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sandbox.balancer import gates, programming, state
from sandbox.balancer.access_log import AccessLog
from sandbox.balancer.by_hand import ByHand
from sandbox.balancer.endpoints import members
from sandbox.balancer.health import Fleet
from sandbox.balancer.listening import Connected, Listening
from sandbox.balancer.programming import Program
from sandbox.balancer.proxy import Proxy, View, Weights
from sandbox.balancer.watching import Cluster, served
from sandbox.cluster.files import stamp, write_private
from sandbox.gke.model import Snapshot, key
from sandbox.kube.client import ApiError, Client, NoMatchError
from sandbox.node import addresses

Object = dict[str, Any]

_log = logging.getLogger(__name__)

_PAUSE = 0.05
"""Seconds to gather changes that come together."""
_TICK = 0.25
"""How soon a change of the node agent's addresses is seen: nothing in the cluster need change then."""


class Balancer:
    """Serves the Gateways of the cluster whose files are in `directory`."""

    def __init__(self, client: Client, directory: Path) -> None:
        self._client = client
        self._run = directory / "run"
        self._addresses_file = addresses.file_of(directory)
        self._addresses = addresses.Addresses(self._addresses_file)
        self._good_file = self._run / "balancer-good.json"
        self._state_file = self._run / state.FILE
        self._good: dict[str, Object] = _read(self._good_file)
        self._programs: dict[str, Program] = {}
        self._wake = asyncio.Event()
        self._changed = True
        self._fleet = Fleet(self._note)
        self._logs = directory / "logs"
        self._access_log = AccessLog(self._logs / "load-balancer.jsonl")
        self._weights = Weights()
        self._listening = Listening(self._state_file, self._connected)
        self._by_hand = ByHand(directory)

    async def run(self) -> None:
        """Serves until it is cancelled."""
        loop = asyncio.get_running_loop()
        cluster = Cluster(self._client, lambda: _call(loop, self._wake.set))
        self._run.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        cluster.start()
        seen: object = ()
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _TICK)
                await asyncio.sleep(_PAUSE)
            woken, version = self._wake.is_set(), stamp(self._addresses_file)
            self._wake.clear()
            if not cluster.synced:
                continue
            if woken or version != seen or self._listening.is_due or self._by_hand.is_due:
                seen = version
                await self._round(cluster)
            if self._changed:
                self._changed = False
                await self._open_gates(cluster)
                self._save()

    def _note(self) -> None:
        self._changed = True

    async def _round(self, cluster: Cluster) -> None:
        snapshot = cluster.snapshot()
        self._program(snapshot, cluster.policies())
        await self._listening.update(self._programs.values(), snapshot.secrets or {})
        local, pods = self._addresses.pods(), cluster.pods()
        backends = self._by_hand.over(programming.backends(self._programs.values()))
        self._fleet.update({name: (spec, members(spec, pods, local)) for name, spec in backends.items()})
        self._changed = True

    def _program(self, snapshot: Snapshot, policies: dict[str, list[Object]]) -> None:
        gateways = served(snapshot)
        before = json.dumps(self._good, sort_keys=True)
        programs: dict[str, Program] = {}
        for gateway in gateways:
            name = "/".join(key(gateway))
            stuck = programming.problem(gateway, snapshot)
            if stuck is None and programming.has_address(gateway):
                self._good[name] = programming.sources(gateway, snapshot, policies, gateways)
            listed = (gateway.get("status") or {}).get("addresses") or []
            address = str(listed[0]["value"]) if listed else ""
            if name in self._good:
                programs[name] = programming.program(self._good[name], stuck=stuck, address=address)
            else:
                programs[name] = _nothing(gateway, stuck, address)
        self._good = {name: source for name, source in self._good.items() if name in programs}
        if json.dumps(self._good, sort_keys=True) != before:
            write_private(self._good_file, json.dumps(self._good))
        self._programs = programs

    def _connected(self, gateway: str, listener: str) -> Connected:
        return Proxy(partial(self._view, gateway, listener), self._fleet, self._access_log, self._weights).connected

    def _view(self, gateway: str, listener: str) -> View | None:
        program = self._programs.get(gateway)
        found = next((item for item in program.listeners if item.name == listener), None) if program else None
        if program is None or found is None:
            return None
        local = {
            item.port: self._listening.ports[name]
            for item in program.listeners
            if (name := f"{gateway}/{item.name}") in self._listening.ports
        }
        return View(program=program, listener=found, local_ports=local)

    async def _open_gates(self, cluster: Cluster) -> None:
        now = datetime.now(UTC)
        for pod in cluster.pods():
            if not gates.waits(pod):
                continue
            self._changed = True  # time alone can open a gate
            wanted = gates.due(pod, self._fleet.backends, now)
            if wanted is None:
                continue
            metadata = pod["metadata"]
            try:
                await asyncio.to_thread(self._patch_pod, metadata, gates.patch(wanted, now))
            except (ApiError, NoMatchError) as error:
                _log.info("readiness gate of %s/%s: %s", metadata["namespace"], metadata["name"], error)

    def _patch_pod(self, metadata: Object, patch: Object) -> None:
        path = self._client.kind("v1", "Pod").path(metadata["namespace"], metadata["name"])
        kind = "application/strategic-merge-patch+json"
        self._client.request("PATCH", f"{path}/status", body=patch, content_type=kind)

    def _save(self) -> None:
        state.write(self._state_file, self._programs.values(), self._fleet.backends, self._listening)


def _nothing(gateway: Object, stuck: str | None, address: str) -> Program:
    namespace, name = key(gateway)
    class_name = gateway["spec"]["gatewayClassName"]
    return Program(namespace=namespace, name=name, class_name=class_name, address=address, problem=stuck)


def _read(file: Path) -> dict[str, Object]:
    try:
        return dict(json.loads(file.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(function)
