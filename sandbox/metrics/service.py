"""The process's parts and how they hang together.

Owns the order of starting and the loops. Serves two ports on 127.0.0.1: what GKE answers itself, and what the adapter's pod
answers where one has been installed; the second is found by `run/metrics.json`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Final

from rules import workload_metrics as facts
from sandbox.clock import scaled
from sandbox.cluster.files import write_private
from sandbox.kube.client import ApiError, Client, NoMatchError
from sandbox.metrics import registration
from sandbox.metrics.apis import Apis
from sandbox.metrics.scraping import Scraper
from sandbox.metrics.series import Series
from sandbox.metrics.targets import targets
from sandbox.metrics.usage import Meter
from sandbox.node.addresses import Addresses, file_of
from sandbox.node.informer import Informer
from sandbox.serving.http import Server, server_tls

FILE: Final = "metrics.json"
_SHORTEST_ROUND: Final = 0.5
_RETRY: Final = 1.0

_log = logging.getLogger(__name__)


def file_in(directory: Path) -> Path:
    """Where the port of the adapter's answers stands, for the cluster in `directory`."""
    return directory / "run" / FILE


class MetricsService:
    """The metrics of the cluster whose files are in `directory`."""

    def __init__(self, client: Client, directory: Path, *, port: int, adapter_port: int) -> None:
        self._client = client
        self._directory = directory
        self._ports = port, adapter_port
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        addresses = Addresses(file_of(directory))
        project, location, cluster = [*directory.name.split("_", 2), "", ""][:3]
        self._series = Series({"project_id": project, "location": location, "cluster": cluster})
        self._meter = Meter(directory, addresses)
        self._scraper = Scraper(client, addresses, self._series)
        self._pods = self._informer("v1", "Pod")
        self._monitorings = self._informer("monitoring.googleapis.com/v1", "PodMonitoring")
        self._cluster_monitorings = self._informer("monitoring.googleapis.com/v1", "ClusterPodMonitoring")
        self._autoscaling = self._informer("autoscaling.gke.io/v1beta1", "AutoscalingMetric")

    async def run(self) -> None:
        """Serves until it is cancelled."""
        pki = self._directory / "pki"
        tls = server_tls(str(pki / "apiserver.crt"), str(pki / "apiserver.key"))
        own = (*facts.RESOURCE_VERSIONS, *facts.CUSTOM_VERSIONS)
        adapted = (*facts.CUSTOM_VERSIONS, *facts.EXTERNAL_VERSIONS)
        for port, versions, prometheus in ((self._ports[0], own, False), (self._ports[1], adapted, True)):
            apis = Apis(versions, self._meter, self._series, self._pods.items, prometheus=prometheus)
            await Server(apis.handle, port, tls=tls, complain=_log.warning).start()
        write_private(file_in(self._directory), json.dumps({"adapterPort": self._ports[1]}) + "\n")
        for informer in (self._pods, self._monitorings, self._cluster_monitorings, self._autoscaling):
            informer.start()
        await self._register()
        await asyncio.gather(self._follow(), self._measure())

    def _informer(self, api_version: str, kind: str) -> Informer:
        return Informer(self._client, api_version, kind, on_change=self._wake)

    def _wake(self) -> None:
        self._loop.call_soon_threadsafe(self._changed.set)

    async def _register(self) -> None:
        while True:
            try:
                await asyncio.to_thread(registration.register, self._client)
            except (ApiError, NoMatchError) as error:
                _log.warning("registration: %s", error)
                await asyncio.sleep(_RETRY)
            else:
                return

    async def _follow(self) -> None:
        """Keeps targets, and the API of AutoscalingMetrics, as the cluster's objects say."""
        registered: bool | None = None
        while True:
            self._changed.clear()
            held = self._autoscaling.items()
            found = targets(self._pods.items(), self._monitorings.items(), self._cluster_monitorings.items(), held)
            self._scraper.update(found)
            wanted = any(target.source == "autoscaling" for target in found) or bool(held)
            if wanted != registered and self._autoscaling.synced:
                try:
                    await asyncio.to_thread(registration.keep_native, self._client, wanted=wanted)
                    registered = wanted
                except (ApiError, NoMatchError) as error:
                    _log.warning("custom metrics: %s", error)
                    await asyncio.sleep(_RETRY)
                    continue
            await self._changed.wait()
            await asyncio.sleep(0.05)  # events come in bursts

    async def _measure(self) -> None:
        while True:
            await asyncio.to_thread(self._meter.look, self._pods.items())
            await asyncio.sleep(max(scaled(facts.RESOLUTION_SECONDS), _SHORTEST_ROUND))
