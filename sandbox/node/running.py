"""What runs on this machine for one pod.

Owns: which of its containers are processes and which are only simulated, and the questions the pod loop asks about all
of them together. Does not own when they begin and end (`pods`). Init containers count as completed; those that go on
beside the others (restartPolicy Always) run when their image is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sandbox.kube.client import Client
from sandbox.node import logs, status
from sandbox.node.addresses import PodAddress
from sandbox.node.events import EventRecorder
from sandbox.node.images import recipe_for
from sandbox.node.prober import Prober
from sandbox.node.process import ProcessWorkload
from sandbox.node.recipe import Context
from sandbox.node.status import ContainerState
from sandbox.node.workload import Workload
from sandbox.toolchain import Tools

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What every pod of the cluster whose directory is `home` is run with."""

    client: Client
    tools: Tools
    home: Path
    kubeconfig: Path
    events: EventRecorder
    prober: Prober
    on_change: Callable[[], None]

    def run_directory(self, uid: str) -> Path:
        """The private directory of a pod."""
        return self.home / "run" / "pods" / uid


class RunningPod:
    """The workloads of one pod, started by `start`."""

    def __init__(self, machine: Machine, pod: Object, *, pod_ip: str, host_ip: str) -> None:
        self.pod_ip = pod_ip
        self.host_ip = host_ip
        self._workloads: dict[str, Workload] = {}
        self._signalled = False
        metadata = pod["metadata"]
        for container in _lasting(pod):
            recipe = recipe_for(container.get("image", ""))
            if recipe is None:
                continue
            name = container["name"]
            context = Context(
                client=machine.client,
                tools=machine.tools,
                kubeconfig=machine.kubeconfig,
                pod=pod,
                container=container,
                pod_ip=pod_ip,
                host_ip=host_ip,
                directory=machine.run_directory(metadata["uid"]),
                log=logs.log_file(machine.home, metadata["namespace"], metadata["name"], name),
                on_change=machine.on_change,
                port_of=self.local_port,
                tell=_teller(machine.events, pod, name),
                prober=machine.prober,
                restarts=_restarts(pod, name),
            )
            self._workloads[name] = recipe(context)

    def start(self) -> None:
        """Starts every workload."""
        for workload in self._workloads.values():
            workload.start()

    def terminate(self, grace: int) -> bool:
        """Ends them as a deleted pod ends, within `grace` of GKE's seconds; says whether all have ended."""
        for workload in self._workloads.values():
            if isinstance(workload, ProcessWorkload):
                workload.terminate(grace)
            elif not self._signalled:
                workload.signal_stop()
        self._signalled = True
        return self.stopped

    def signal_stop(self) -> None:
        """Ends them quickly."""
        for workload in self._workloads.values():
            if isinstance(workload, ProcessWorkload) or not self._signalled:
                workload.signal_stop()
        self._signalled = True

    @property
    def stopped(self) -> bool:
        """Whether nothing of the pod runs any more."""
        return all(workload.stopped for workload in self._workloads.values())

    def local_port(self, container_port: int) -> int | None:
        """Where the pod serves `container_port` on this machine."""
        found = (workload.local_port(container_port) for workload in self._workloads.values())
        return next((port for port in found if port is not None), None)

    def states(self, pod: Object) -> dict[str, ContainerState]:
        """What each container does now; a simulated one runs, or has ended well if it is meant to end."""
        simulated = ContainerState()
        if status.is_job_pod(pod):
            simulated = ContainerState(ready=False, exit_code=0)
        return {
            container["name"]: self._workloads[container["name"]].state()
            if container["name"] in self._workloads
            else simulated
            for container in _lasting(pod)
        }

    def address(self, pod: Object, reported: Object) -> PodAddress:
        """How other processes reach the pod whose status is `reported`."""
        declared = {entry["containerPort"] for container in _lasting(pod) for entry in container.get("ports", [])}
        ports = {port: local for port in declared if (local := self.local_port(port)) is not None}
        for workload in self._workloads.values():
            if isinstance(workload, ProcessWorkload):
                ports |= workload.ports
        held = {item["type"] for item in reported.get("conditions", []) if item["status"] == "True"}
        address = PodAddress(pod_ip=self.pod_ip, ports=ports, containers_ready="ContainersReady" in held)
        terminating = bool(pod["metadata"].get("deletionTimestamp"))
        return replace(address, ready="Ready" in held and not terminating, terminating=terminating)


def _lasting(pod: Object) -> list[Object]:
    sidecars = [item for item in pod["spec"].get("initContainers", []) if item.get("restartPolicy") == "Always"]
    return [*sidecars, *pod["spec"]["containers"]]


def _restarts(pod: Object, container: str) -> int:
    before: Mapping[str, Any] = pod.get("status", {})
    known: list[Object] = [*before.get("initContainerStatuses", []), *before.get("containerStatuses", [])]
    return next((int(item["restartCount"]) for item in known if item["name"] == container), 0)


def _teller(events: EventRecorder, pod: Object, container: str) -> Callable[[str, str, str], None]:
    return lambda kind, reason, message: events.tell(pod, kind, reason, message, container=container)
