"""A namespace with a Gateway, a load balancer of the test's own at a real API server, and pods that are local servers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from rules.load_balancer import NEG_READINESS_GATE
from sandbox.balancer import state
from sandbox.balancer.process import BalancerProcess
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.node.addresses import AddressBook, PodAddress, file_of
from tests.sandbox.support import eventually

Object = dict[str, Any]
GATEWAY_API = "gateway.networking.k8s.io/v1"
GKE = "networking.gke.io/v1"
REGIONAL = "gke-l7-regional-external-managed"
SERVICE: Object = {"name": "web", "port": 80}


class World:
    """One namespace of the cluster, a load balancer of the test's own, and pods that are local servers."""

    def __init__(self, cluster: ClusterRuntime, namespace: str, directory: Path) -> None:
        self.client = cluster.client
        self.namespace = namespace
        self.directory = directory
        self._book = AddressBook(file_of(directory))
        self._pods: dict[str, PodAddress] = {}
        directory.mkdir(parents=True)
        shutil.copy(cluster.kubeconfig, directory / "kubeconfig")
        self.process = BalancerProcess(directory)
        self.process.start()

    def restart(self) -> None:
        """Ends the process and starts another one."""
        self.process.stop()
        self.process = BalancerProcess(self.directory)
        self.process.start()

    def create(self, version: str, kind: str, name: str, spec: Object, **metadata: Any) -> Object:
        """Creates an object in the namespace."""
        own = {"name": name, "namespace": self.namespace, **metadata}
        return self.client.create({"apiVersion": version, "kind": kind, "metadata": own, "spec": spec})

    def gateway(self, class_name: str = REGIONAL, *listeners: Object) -> None:
        """The Gateway `gw`, with one HTTP listener unless others are given."""
        http = {"name": "http", "port": 80, "protocol": "HTTP"}
        spec = {"gatewayClassName": class_name, "listeners": list(listeners) or [http]}
        self.create(GATEWAY_API, "Gateway", "gw", spec)

    def route(self, name: str, *rules: Object) -> None:
        """A route of the Gateway."""
        self.create(GATEWAY_API, "HTTPRoute", name, {"parentRefs": [{"name": "gw"}], "rules": list(rules)})

    def service(self, name: str = "web") -> None:
        """A Service of the pods labelled `app: NAME`, port 80 → 8000."""
        self.create("v1", "Service", name, {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8000}]})

    def pod(self, name: str, port: int | None, app: str = "web", *, gated: bool = False, ready: bool = False) -> None:
        """A pod that runs, served by 127.0.0.1:`port`, or only simulated."""
        container = {"name": "c", "image": "example.com/x:1", "ports": [{"containerPort": 8000}]}
        gates = {"readinessGates": [{"conditionType": NEG_READINESS_GATE}]} if gated else {}
        self.create("v1", "Pod", name, {"containers": [container], **gates}, labels={"app": app})
        ip = f"10.9.0.{len(self._pods) + 1}"
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": conditions}
        self.client.merge_patch("v1", "Pod", name, self.namespace, {"status": status}, subresource="status")
        ports = {} if port is None else {8000: port}
        self._pods[f"{self.namespace}/{name}"] = PodAddress(pod_ip=ip, ports=ports)
        self._book.write(dict(self._pods))

    def policy(self, kind: str, default: Object, target: Object) -> None:
        """A policy of GKE's."""
        self.create(GKE, kind, f"{target['kind']}-{target['name']}".lower(), {"targetRef": target, "default": default})

    def health_check(self, path: str = "/health", *, name: str = "web", threshold: int = 1) -> None:
        """A HealthCheckPolicy for the Service."""
        http = {"requestPath": path, "portSpecification": "USE_SERVING_PORT"}
        default = {
            "checkIntervalSec": 2,
            "timeoutSec": 2,
            "healthyThreshold": threshold,
            "config": {"type": "HTTP", "httpHealthCheck": http},
        }
        self.policy("HealthCheckPolicy", default, {"group": "", "kind": "Service", "name": name})

    def state(self) -> Object:
        """This namespace's Gateway in balancer.json."""
        found = state.read(self.directory) or {"gateways": []}
        return next((item for item in found["gateways"] if item["namespace"] == self.namespace), {})

    def endpoints(self, backend: str = "Service/{}/web:80") -> dict[str, str]:
        """State and reason by pod."""
        found = (state.read(self.directory) or {"backends": {}})["backends"].get(backend.format(self.namespace), {})
        return {item["pod"].partition("/")[2]: item["state"] for item in found.get("endpoints", [])}

    def port(self, listener: str = "http") -> int:
        """The local port of a listener, once it is served."""

        def local() -> int | None:
            listeners = self.state().get("listeners", [])
            return next((item["localPort"] for item in listeners if item["name"] == listener and item["url"]), None)

        eventually(local, f"listener {listener} is served")
        found = local()
        assert found is not None
        return found
