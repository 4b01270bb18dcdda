"""Events of pods, as a kubelet writes them.

Owns: their form, the counting of repeated ones and the thread that writes them, so that no probe waits for the API
server. Does not own their texts. A repeated Event is updated at most every few seconds: probes may fail often.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from sandbox.kube.client import ApiError, Client
from sandbox.node.status import now_text

Object = dict[str, Any]

_UPDATE_SECONDS = 5.0
_RETRY_SECONDS = 1.0


@dataclass
class _Series:
    body: Object
    name: str | None = None
    count: int = 0
    written: int = 0
    next_write: float = 0.0


class EventRecorder:
    """Writes Events from a thread of its own; `tell` returns at once and may be called from any thread."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._condition = threading.Condition()
        self._series: dict[tuple[str, ...], _Series] = {}
        self._stopping = False
        self._thread: threading.Thread | None = None

    def tell(self, pod: Object, kind: str, reason: str, message: str, *, container: str | None = None) -> None:
        """Records that something happened to `pod`, or to one of its containers; `kind` is Normal or Warning."""
        metadata = pod["metadata"]
        key = (metadata["uid"], container or "", reason, message)
        with self._condition:
            if self._stopping:
                return
            series = self._series.setdefault(key, _Series(_body(pod, kind, reason, message, container)))
            series.count += 1
            series.body |= {"count": series.count, "lastTimestamp": now_text()}
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="events", daemon=True)
                self._thread.start()
            self._condition.notify()

    def forget(self, uid: str) -> None:
        """Drops what is remembered of a pod that has gone."""
        with self._condition:
            for key in [key for key, series in self._series.items() if key[0] == uid and series.written]:
                del self._series[key]

    def stop(self) -> None:
        """Writes nothing more."""
        with self._condition:
            self._stopping = True
            self._condition.notify()

    def _loop(self) -> None:
        while True:
            with self._condition:
                waiting = [series for series in self._series.values() if series.count > series.written]
                now = time.monotonic()
                due = [series for series in waiting if series.next_write <= now]
                if self._stopping:
                    return
                if not due:
                    self._condition.wait(min((series.next_write - now for series in waiting), default=None))
                    continue
                copies = [(series, dict(series.body)) for series in due]
            for series, body in copies:
                self._write(series, body)

    def _write(self, series: _Series, body: Object) -> None:
        path = f"/api/v1/namespaces/{body['metadata']['namespace']}/events"
        try:
            if series.name is not None:
                patch = {"count": body["count"], "lastTimestamp": body["lastTimestamp"]}
                kind = "application/merge-patch+json"
                self._client.request("PATCH", f"{path}/{series.name}", body=patch, content_type=kind)
            else:
                series.name = self._client.request("POST", path, body=body)["metadata"]["name"]
        except ApiError as error:
            series.next_write = time.monotonic() + _RETRY_SECONDS
            if error.status == 404 and series.name is not None:
                series.name = None  # the API server drops Events after an hour
            elif error.status in {403, 404, 409, 422}:
                series.written = body["count"]  # its namespace is going away; nobody will read it
            return
        series.written = body["count"]
        series.next_write = time.monotonic() + _UPDATE_SECONDS


def _body(pod: Object, kind: str, reason: str, message: str, container: str | None) -> Object:
    metadata = pod["metadata"]
    involved: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
    }
    if container is not None:
        sidecars = {item["name"] for item in pod["spec"].get("initContainers", [])}
        involved["fieldPath"] = f"spec.{'initContainers' if container in sidecars else 'containers'}{{{container}}}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "type": kind,
        "source": {"component": "kubelet", "host": pod["spec"].get("nodeName", "")},
        "reportingComponent": "kubelet",
        "reportingInstance": pod["spec"].get("nodeName", ""),
        "firstTimestamp": now_text(),
    }
