"""Reads the targets, each in its own rhythm.

Owns requests and their times. Does not own which targets there are nor what becomes of the answers. A target that does not
answer has no new points; the last ones age away.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import logging
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, Final

from rules.monitoring import COLLECTOR_ACCOUNT, COLLECTOR_NAMESPACE
from sandbox.clock import scaled
from sandbox.kube.client import ApiError, Client
from sandbox.metrics.series import Series
from sandbox.metrics.targets import Target
from sandbox.node.addresses import Addresses

Object = dict[str, Any]

_log = logging.getLogger(__name__)

_COLLECTOR: Final = f"system:serviceaccount:{COLLECTOR_NAMESPACE}:{COLLECTOR_ACCOUNT}"
_SHORTEST_INTERVAL: Final = 0.25
_TIMEOUT: Final = 5.0
_LIMIT: Final = 4 * 1024 * 1024


class Scraper:
    """Keeps one task for each target."""

    def __init__(self, client: Client, addresses: Addresses, series: Series) -> None:
        self._client = client
        self._addresses = addresses
        self._series = series
        self._tasks: dict[Target, asyncio.Task[None]] = {}

    def update(self, wanted: set[Target]) -> None:
        """Makes the targets those of `wanted`."""
        for target in self._tasks.keys() - wanted:
            self._tasks.pop(target).cancel()
        for target in wanted - self._tasks.keys():
            self._tasks[target] = asyncio.create_task(self._follow(target))

    async def _follow(self, target: Target) -> None:
        pause = max(scaled(target.interval), _SHORTEST_INTERVAL)
        told = ""
        while True:
            try:
                text = await asyncio.to_thread(self._read, target)
                if text is not None:
                    self._series.ingest(target, text)
                told = ""
            except (OSError, ApiError):
                pass  # it does not answer
            except Exception as error:  # noqa: BLE001 - one odd answer must not end the reading of a target
                if told != repr(error):
                    told = repr(error)
                    _log.warning("%s/%s:%d: %s", target.namespace, target.pod, target.port, told)
            await asyncio.sleep(pause)

    def _read(self, target: Target) -> str | None:
        address = self._addresses.pod(target.namespace, target.pod)
        local = address.ports.get(target.port) if address is not None else None
        if local is None:
            return None
        headers = {"Authorization": f"Bearer {self._token(*target.secret)}"} if target.secret else {}
        return fetch(f"{target.scheme}://127.0.0.1:{local}{target.path}", headers)

    def _token(self, namespace: str, name: str, key: str) -> str:
        """The token, if the collector of managed Prometheus may read that Secret, as it may not by itself."""
        resource = {"namespace": namespace, "verb": "get", "resource": "secrets", "name": name}
        review: Object = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "metadata": {},
            "spec": {"user": _COLLECTOR, "resourceAttributes": resource},
        }
        if not self._client.create(review)["status"]["allowed"]:
            raise PermissionError(f"{_COLLECTOR} may not read the Secret {namespace}/{name}")
        secret = self._client.get("v1", "Secret", name, namespace) or {}
        return base64.b64decode(secret.get("data", {}).get(key, "")).decode()


def fetch(url: str, headers: dict[str, str] | None = None) -> str:
    """The text at a local URL.

    Raises:
        OSError: nothing answers, or not with 200.
    """
    # Servers sign their certificates themselves; they are all on this machine.
    context = ssl._create_unverified_context() if url.startswith("https:") else None  # noqa: S323, SLF001 # pyright: ignore[reportPrivateUsage]
    request = urllib.request.Request(url, headers=headers or {})  # noqa: S310 - http and https only, see Target
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT, context=context) as answer:  # noqa: S310
            return answer.read(_LIMIT).decode(errors="replace")
    except (ValueError, http.client.HTTPException) as error:  # this is no HTTP, or not all of it
        raise urllib.error.URLError(str(error)) from error


Fetch = Callable[[str], str]
