"""The pods of the simulated nodes: started, reported, ended.

Brings every pod bound to one of our nodes to what its spec says. Does not own what runs for a pod (`running`) nor the shape
of a status (`status`). It compares (see `reconciler`), so a restart of the agent finds the pods as they are and starts their
processes again.
"""

from __future__ import annotations

import ipaddress
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.kube.client import ApiError, Client, NoMatchError
from sandbox.node import addresses, nodes, status
from sandbox.node.addresses import AddressBook, PodAddress
from sandbox.node.events import EventRecorder
from sandbox.node.prober import Prober
from sandbox.node.reconciler import Reconciler
from sandbox.node.running import Machine, RunningPod
from sandbox.node.status import ContainerState
from sandbox.node.volumes import missing_reference
from sandbox.toolchain import Tools

Object = dict[str, Any]

_log = logging.getLogger(__name__)

_RECHECK_SECONDS = 0.5
_IDLE_SECONDS = 30.0


class PodRunner(Reconciler):
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
        super().__init__(client, "pods", resync=_IDLE_SECONDS, retry=_RECHECK_SECONDS)
        self._prober = Prober()
        self._events = EventRecorder(client)
        self._machine = Machine(
            client=client,
            tools=tools,
            home=home,
            kubeconfig=kubeconfig,
            events=self._events,
            prober=self._prober,
            on_change=self.wake,
        )
        self._book = AddressBook(addresses.file_of(home))
        self._node_objects = node_objects
        self._running: dict[str, RunningPod] = {}
        self._refusals: dict[str, str] = {}
        self._addresses: dict[str, PodAddress] = {}
        self._followed = self.follow("v1", "Pod")

    def start(self) -> None:
        """Begins to run the pods."""
        self._book.remove()
        super().start()

    def stop(self, *, timeout: float = 15.0) -> None:
        """Ends every process, waiting up to `timeout` seconds; the pods stay as they are in the API server."""
        super().stop()
        self.join(timeout)
        entries = list(self._running.values())
        for entry in entries:
            entry.signal_stop()
        deadline = time.monotonic() + timeout
        while any(not entry.stopped for entry in entries) and time.monotonic() < deadline:
            time.sleep(0.05)
        self._prober.stop()
        self._events.stop()
        self._book.remove()

    def pods(self) -> list[Object]:
        """All pods, as last seen."""
        return self._followed.items()

    def local_port(self, uid: str, container_port: int) -> int | None:
        """Where the pod `uid` serves `container_port` on this machine."""
        entry = self._running.get(uid)
        return entry.local_port(container_port) if entry is not None else None

    def remove_from(self, node_names: set[str]) -> None:
        """Deletes the pods of these nodes at once, as happens when their VMs are deleted."""
        for pod in self._client.list("v1", "Pod"):
            if pod["spec"].get("nodeName") in node_names:
                self._delete(pod)

    def reconcile(self) -> bool:
        """One comparison of all pods; not done while one must be looked at again soon."""
        if not self.synced:
            return False
        again = False
        here = self._node_objects()
        pods = [pod for pod in self.pods() if pod["spec"].get("nodeName") in here]
        self._addresses = {}
        for pod in pods:
            try:
                again |= self._reconcile(pod, here[pod["spec"]["nodeName"]])
            except (ApiError, NoMatchError):
                again = True
            except Exception:  # noqa: BLE001 - one odd pod must not stop the loop that runs all others
                _log.exception("pod %s/%s", pod["metadata"]["namespace"], pod["metadata"]["name"])
        again |= self._forget({pod["metadata"]["uid"] for pod in pods})
        self._book.write(self._addresses)
        return not again

    def _forget(self, uids: set[str]) -> bool:
        """Ends what runs for pods that are gone; says whether something still has to end."""
        for uid in self._refusals.keys() - uids:
            del self._refusals[uid]
        pending = False
        for uid in self._running.keys() - uids:
            entry = self._running[uid]
            entry.signal_stop()
            if entry.stopped:
                del self._running[uid]
                self._events.forget(uid)
                shutil.rmtree(self._machine.run_directory(uid), ignore_errors=True)
            else:
                pending = True
        return pending

    def _reconcile(self, pod: Object, node: Object) -> bool:
        """Brings one pod closer to its spec; says whether it must be looked at again soon, without being woken."""
        metadata, phase = pod["metadata"], pod.get("status", {}).get("phase")
        entry = self._running.get(metadata["uid"])
        deleted, ended = bool(metadata.get("deletionTimestamp")), phase in {"Succeeded", "Failed"}
        if deleted or ended:
            grace = metadata.get("deletionGracePeriodSeconds", 0)
            if entry is not None and not entry.terminate(grace):
                return not ended and self._report(pod, entry)  # a workload that ends wakes the loop
            if deleted:
                self._delete(pod)
            return False
        if entry is None:
            missing = missing_reference(self._client, pod)
            if missing is not None:
                self._hold(pod, node, missing)
                return True
            entry = self._begin(pod, node)
        return self._report(pod, entry)

    def _report(self, pod: Object, entry: RunningPod) -> bool:
        """Writes what the pod's containers do; says whether that has to be tried again soon."""
        where, now, states = {"pod_ip": entry.pod_ip, "host_ip": entry.host_ip}, status.now_text(), entry.states(pod)
        main = {container["name"]: states[container["name"]] for container in pod["spec"]["containers"]}
        if status.is_job_pod(pod) and all(state.exit_code is not None for state in main.values()):
            return self._write(pod, status.finished_status(pod, states, **where, now=now))
        wanted = status.pod_status(pod, states, **where, now=now)
        self._addresses[f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"] = entry.address(pod, wanted)
        return self._write(pod, wanted)

    def _begin(self, pod: Object, node: Object) -> RunningPod:
        pod_ip = pod.get("status", {}).get("podIP") or self._free_ip(node)
        entry = RunningPod(self._machine, pod, pod_ip=pod_ip, host_ip=nodes.internal_ip(node))
        self._running[pod["metadata"]["uid"]] = entry
        entry.start()
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
        self._events.tell(pod, "Warning", "FailedMount", message)

    def _write(self, pod: Object, wanted: Object) -> bool:
        """Says whether it has to be tried again soon: not where the pod is gone or is another one, which the next event tells."""
        if not status.differs(pod, wanted):
            return False
        metadata = pod["metadata"]
        try:
            self._client.request(
                "PATCH",
                f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/status",
                body={"metadata": {"uid": metadata["uid"]}, "status": status.patch(wanted)},
                content_type="application/strategic-merge-patch+json",
            )
        except ApiError as error:
            if error.status in {404, 409}:
                return False
            refusal = f"{metadata['namespace']}/{metadata['name']}: its status could not be written: {error}"
            if self._refusals.get(metadata["uid"]) != refusal:
                self._refusals[metadata["uid"]] = refusal
                _log.warning("pod %s", refusal)
            return True
        self._refusals.pop(metadata["uid"], None)
        return False

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
