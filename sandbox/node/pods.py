"""The pods of the simulated nodes: started, reported, ended.

Owns the loop that brings every pod bound to one of our nodes to what its spec says. Does not own which images really
run (`images`) nor the shape of a status (`status`). The loop is level-triggered: it compares, so a restart of the
agent finds the pods as they are and starts their processes again.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.kube.client import ApiError, Client, NoMatchError
from sandbox.node import nodes, status
from sandbox.node.images import Context, recipe_for
from sandbox.node.informer import Informer
from sandbox.node.status import ContainerState
from sandbox.node.volumes import missing_reference
from sandbox.node.workload import Workload
from sandbox.toolchain import Tools

Object = dict[str, Any]

_log = logging.getLogger(__name__)

_RECHECK_SECONDS = 0.5
_IDLE_SECONDS = 30.0


@dataclass
class _Running:
    pod_ip: str
    workloads: dict[str, Workload] = field(default_factory=dict[str, Workload])


class PodRunner:
    """Runs and reports the pods of the Nodes that `node_objects` returns."""

    def __init__(
        self,
        client: Client,
        tools: Tools,
        home: Path,
        kubeconfig: Path,
        *,
        node_objects: Callable[[], dict[str, Object]],
    ) -> None:
        self._client = client
        self._tools = tools
        self._kubeconfig = kubeconfig
        self._run_directory = home / "run" / "pods"
        self._log_directory = home / "logs" / "pods"
        self._node_objects = node_objects
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._running: dict[str, _Running] = {}
        self._told: set[tuple[str, str]] = set()
        self._informer = Informer(client, "v1", "Pod", on_change=self.wake)
        self._thread = threading.Thread(target=self._loop, name="pods", daemon=True)

    def start(self) -> None:
        """Begins to run the pods."""
        self._informer.start()
        self._thread.start()

    def stop(self, *, timeout: float = 15.0) -> None:
        """Ends every process, waiting up to `timeout` seconds; the pods stay as they are in the API server."""
        self._stopping.set()
        self._informer.stop()
        self.wake()
        if self._thread.is_alive():
            self._thread.join(timeout)
        workloads = [workload for entry in self._running.values() for workload in entry.workloads.values()]
        for workload in workloads:
            workload.signal_stop()
        deadline = time.monotonic() + timeout
        while any(not workload.stopped for workload in workloads) and time.monotonic() < deadline:
            time.sleep(0.05)

    def wake(self) -> None:
        """Asks for a round of the loop soon."""
        self._wake.set()

    def pods(self) -> list[Object]:
        """All pods, as last seen."""
        return self._informer.items()

    def local_port(self, uid: str, container_port: int) -> int | None:
        """Where the pod `uid` serves `container_port` on this machine."""
        entry = self._running.get(uid)
        workloads = list(entry.workloads.values()) if entry is not None else []
        return next((port for w in workloads if (port := w.local_port(container_port)) is not None), None)

    def remove_from(self, node_names: set[str]) -> None:
        """Deletes the pods of these nodes at once, as happens when their VMs are deleted."""
        for pod in self._client.list("v1", "Pod"):
            if pod["spec"].get("nodeName") in node_names:
                self._delete(pod)

    def _loop(self) -> None:
        pause = _IDLE_SECONDS
        while not self._stopping.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            if self._stopping.is_set() or not self._informer.synced:
                continue
            pause = _RECHECK_SECONDS if self._round() else _IDLE_SECONDS

    def _round(self) -> bool:
        """One comparison of all pods; says whether one must be looked at again soon."""
        again = False
        here = self._node_objects()
        pods = [pod for pod in self.pods() if pod["spec"].get("nodeName") in here]
        for pod in pods:
            try:
                again |= self._reconcile(pod, here[pod["spec"]["nodeName"]])
            except (ApiError, NoMatchError):
                again = True
            except Exception:  # noqa: BLE001 - one odd pod must not stop the loop that runs all others
                _log.exception("pod %s/%s", pod["metadata"]["namespace"], pod["metadata"]["name"])
        return self._forget({pod["metadata"]["uid"] for pod in pods}) or again

    def _forget(self, uids: set[str]) -> bool:
        """Ends what runs for pods that are gone; says whether something still has to end."""
        pending = False
        for uid in self._running.keys() - uids:
            if self._ended(uid):
                del self._running[uid]
                shutil.rmtree(self._run_directory / uid, ignore_errors=True)
            else:
                pending = True
        return pending

    def _ended(self, uid: str) -> bool:
        workloads = self._running[uid].workloads.values() if uid in self._running else ()
        for workload in workloads:
            workload.signal_stop()
        return all(workload.stopped for workload in workloads)

    def _reconcile(self, pod: Object, node: Object) -> bool:
        uid, phase = pod["metadata"]["uid"], pod.get("status", {}).get("phase")
        if pod["metadata"].get("deletionTimestamp"):
            if not self._ended(uid):
                return True
            self._delete(pod)
            return False
        if phase in {"Succeeded", "Failed"}:
            return not self._ended(uid)
        entry = self._running.get(uid)
        if entry is None:
            missing = missing_reference(self._client, pod)
            if missing is not None:
                self._hold(pod, node, missing)
                return True
            entry = self._begin(pod, node)
        host_ip, now = nodes.internal_ip(node), status.now_text()
        states = {name: workload.state() for name, workload in entry.workloads.items()}
        if status.is_job_pod(pod):
            if any(state.exit_code is None for state in states.values()):
                return False
            succeeded = all(state.exit_code == 0 for state in states.values())
            wanted = status.finished_status(pod, pod_ip=entry.pod_ip, host_ip=host_ip, succeeded=succeeded, now=now)
        else:
            every = {c["name"]: states.get(c["name"], ContainerState()) for c in pod["spec"]["containers"]}
            wanted = status.pod_status(pod, every, pod_ip=entry.pod_ip, host_ip=host_ip, now=now)
        self._write(pod, wanted)
        return False

    def _begin(self, pod: Object, node: Object) -> _Running:
        metadata = pod["metadata"]
        entry = _Running(pod_ip=pod.get("status", {}).get("podIP") or self._free_ip(node))
        for container in pod["spec"]["containers"]:
            recipe = recipe_for(container.get("image", ""))
            if recipe is None:
                continue
            context = Context(
                client=self._client,
                tools=self._tools,
                kubeconfig=self._kubeconfig,
                pod=pod,
                container=container,
                pod_ip=entry.pod_ip,
                host_ip=nodes.internal_ip(node),
                directory=self._run_directory / metadata["uid"],
                log=self._log_directory / f"{metadata['namespace']}_{metadata['name']}.log",
                on_change=self.wake,
            )
            entry.workloads[container["name"]] = recipe(context)
        self._running[metadata["uid"]] = entry
        for workload in entry.workloads.values():
            workload.start()
        return entry

    def _free_ip(self, node: Object) -> str:
        taken = {entry.pod_ip for entry in self._running.values()}
        taken |= {pod.get("status", {}).get("podIP", "") for pod in self.pods()}
        hosts = ipaddress.ip_network(node["spec"]["podCIDR"]).hosts()
        next(hosts)  # the first address is the node's bridge
        return next(str(ip) for ip in hosts if str(ip) not in taken)

    def _hold(self, pod: Object, node: Object, message: str) -> None:
        waiting = ContainerState(ready=False, waiting="ContainerCreating")
        states = {container["name"]: waiting for container in pod["spec"]["containers"]}
        now = status.now_text()
        self._write(pod, status.pod_status(pod, states, pod_ip=None, host_ip=nodes.internal_ip(node), now=now))
        self._tell(pod, "FailedMount", message)

    def _write(self, pod: Object, wanted: Object) -> None:
        if not status.differs(pod, wanted):
            return
        metadata = pod["metadata"]
        with contextlib.suppress(ApiError):
            self._client.request(
                "PATCH",
                f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/status",
                body={"metadata": {"uid": metadata["uid"]}, "status": wanted},
                content_type="application/strategic-merge-patch+json",
            )

    def _delete(self, pod: Object) -> None:
        metadata = pod["metadata"]
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "gracePeriodSeconds": 0,
            "preconditions": {"uid": metadata["uid"]},
        }
        try:
            self._client.request(
                "DELETE", f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}", body=body
            )
        except ApiError as error:
            if error.status not in {404, 409}:
                raise

    def _tell(self, pod: Object, reason: str, message: str) -> None:
        """One Event per pod and message, as `kubectl describe` shows them."""
        metadata = pod["metadata"]
        if (metadata["uid"], message) in self._told:
            return
        now = status.now_text()
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "reason": reason,
            "message": message,
            "type": "Warning",
            "source": {"component": "kubelet", "host": pod["spec"]["nodeName"]},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        self._client.create(event)
        self._told.add((metadata["uid"], message))
