"""The processes of one Kubernetes control plane, in the order they need each other.

Owns: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and the egress proxy of one cluster: starting,
readiness and ending. Does not own what is in the cluster (`bootstrap.py`) nor its port.
"""

from __future__ import annotations

import http.client
import logging
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from sandbox.cluster import components, kubeconfig
from sandbox.cluster.child import Child
from sandbox.cluster.components import SERVICE_IP, Ports
from sandbox.cluster.egress import EgressProxy
from sandbox.cluster.errors import ClusterError
from sandbox.cluster.files import write_private
from sandbox.cluster.pki import Pki
from sandbox.cluster.proc import free_ports

_READY_TIMEOUT = 120.0
"""Seconds; the API server needs about 4 on an idle 2-core machine, far more while something else is being built."""

_GRACE = 1.5
"""Seconds between SIGTERM and SIGKILL. The API server's own graceful end waits for watches, up to a minute; everything
it has confirmed is in etcd by then, so nothing is lost by not waiting."""

_ETCD_GRACE = 8.0

_log = logging.getLogger(__name__)


class Binaries(Protocol):
    """The programs a control plane consists of; `sandbox.toolchain.Tools` has them."""

    @property
    def etcd(self) -> Path: ...  # noqa: D102
    @property
    def kube_apiserver(self) -> Path: ...  # noqa: D102
    @property
    def kube_controller_manager(self) -> Path: ...  # noqa: D102
    @property
    def kube_scheduler(self) -> Path: ...  # noqa: D102


class ControlPlane:
    """The processes of the cluster whose files are in `directory`."""

    def __init__(self, directory: Path, binaries: Binaries, *, token: str) -> None:
        self.directory = directory
        self.pki = Pki(directory / "pki")
        self.egress = EgressProxy(directory, "run/egress.sock")
        self._binaries = binaries
        self._token = token
        self._children: list[Child] = []
        self._interrupted = threading.Event()

    def start(self, port: int, report: Callable[[str], None]) -> None:
        """Starts everything and returns when all of it is ready.

        Raises ClusterError with the end of the log of the part that fails; nothing is left running then.
        """
        try:
            self._start(port, report)
        except BaseException:
            self.stop()
            raise

    def interrupt(self) -> None:
        """Makes a `start` that another thread is in fail soon."""
        self._interrupted.set()
        for child in list(self._children):
            child.signal_stop()

    def stop(self) -> None:
        """Ends everything; idempotent. The API server goes first, so that clients see it go and not its parts."""
        children, self._children = self._children, []
        for child in children[1:]:  # all but etcd, which the API server writes to until its end
            child.signal_stop()
        for child in reversed(children):
            child.stop(grace=_ETCD_GRACE if child.name == "etcd" else _GRACE)
        self.egress.stop()

    def children(self) -> dict[str, Child]:
        """The running parts by name."""
        return {child.name: child for child in self._children}

    def _start(self, port: int, report: Callable[[str], None]) -> None:
        began = time.monotonic()
        self.pki.ensure(SERVICE_IP)
        etcd, peer, manager, scheduler = free_ports(4)
        ports = Ports(apiserver=port, etcd=etcd, etcd_peer=peer, controller_manager=manager, scheduler=scheduler)
        self.egress.start()
        run = self.directory / "run"
        egress_file, token_file = run / "egress.yaml", run / "tokens.csv"
        write_private(egress_file, self.egress.configuration())
        write_private(token_file, f'{self._token},sandbox-admin,sandbox-admin,"system:masters"\n')
        tools = self._binaries
        data = self.directory / "etcd"
        data.mkdir(mode=0o700, exist_ok=True)
        etcd_pair = self.pki.pair("apiserver-etcd-client")
        self._launch(
            "etcd",
            components.etcd(tools.etcd, data, self.pki, ports),
            lambda: _answers(etcd, "/health", self.pki.ca, etcd_pair),
        )
        self._launch(
            "kube-apiserver",
            components.apiserver(tools.kube_apiserver, self.pki, ports, token_file=token_file, egress_file=egress_file),
            lambda: _answers(port, "/readyz", self.pki.ca),
        )
        report(f"API server ready at https://127.0.0.1:{port} after {time.monotonic() - began:.1f} s")
        manager_config = self._component_config("controller-manager", port)
        scheduler_config = self._component_config("scheduler", port)
        pair = [
            self._spawn(
                "kube-controller-manager",
                components.controller_manager(
                    tools.kube_controller_manager, self.pki, ports, kubeconfig=manager_config
                ),
            ),
            self._spawn(
                "kube-scheduler",
                components.scheduler(tools.kube_scheduler, self.pki, ports, kubeconfig=scheduler_config),
            ),
        ]
        for child, number in zip(pair, (manager, scheduler), strict=True):
            child.wait_ready(lambda n=number: _answers(n, "/healthz", self.pki.ca), timeout=_READY_TIMEOUT)

    def _component_config(self, name: str, port: int) -> Path:
        path = self.directory / "run" / f"{name}.kubeconfig"
        server = f"https://127.0.0.1:{port}"
        kubeconfig.write_for_component(path, server=server, ca=self.pki.ca, pair=self.pki.pair(name))
        return path

    def _launch(self, name: str, command: list[str], check: Callable[[], bool]) -> None:
        self._spawn(name, command).wait_ready(check, timeout=_READY_TIMEOUT)

    def _spawn(self, name: str, command: list[str]) -> Child:
        log = self.directory / "logs" / f"{name}.log"
        child = Child(
            name,
            command,
            directory=self.directory,
            log=log,
            pid_file=self.directory / "run" / f"{name}.pid",
            on_restart=_log.warning,
        )
        self._children.append(child)
        if self._interrupted.is_set():
            raise ClusterError(f"{name} was stopped before it was ready")
        child.start()
        return child


def _answers(port: int, path: str, ca: Path, pair: tuple[Path, Path] | None = None) -> bool:
    """Whether `GET https://127.0.0.1:port/path` answers 200."""
    context = ssl.create_default_context(cafile=str(ca))
    if pair is not None:
        context.load_cert_chain(*pair)
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
