"""A namespace of the replay cluster, with the plain objects that the field reports' authors applied, and what they saw.

Owns short ways to create such objects, and to read conditions, events, logs and the load balancer's own view. Nothing here is
made by the project's components: a replay begins where they were not used.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Any

from rules.gateway import (
    GATEWAY_API_VERSION,
    GKE_NETWORKING_API_VERSION,
    INFERENCE_POOL,
    INFERENCE_POOL_API_VERSION,
    INFERENCE_POOL_GROUP,
    REGIONAL_EXTERNAL,
)
from sandbox.balancer import state
from sandbox.cluster.runtime import ClusterRuntime
from sandbox.node.logs import log_file
from tests.sandbox.balancer.servers import ask
from tests.sandbox.support import eventually

Object = dict[str, Any]

SECONDS = 60.0
"""How long a condition may take on a busy machine."""

VLLM_PORT = 8000


class Place:
    """The namespace `name` of a running cluster."""

    def __init__(self, cluster: ClusterRuntime, name: str) -> None:
        self.cluster = cluster
        self.client = cluster.client
        self.name = name

    def create(self, version: str, kind: str, name: str, spec: Object | None = None, **more: Any) -> Object:
        """Creates an object here; `labels` go into its metadata, everything else beside its spec."""
        metadata = {"name": name, "namespace": self.name, "labels": more.pop("labels", {})}
        content = {} if spec is None else {"spec": spec}
        return self.client.create({"apiVersion": version, "kind": kind, "metadata": metadata, **content, **more})

    def apply(self, obj: Object) -> None:
        """Applies an object as it is."""
        self.client.apply(obj, field_manager="replay", force=True)

    def patch(self, version: str, kind: str, name: str, change: Object) -> None:
        """Changes an object."""
        self.client.merge_patch(version, kind, name, self.name, change)

    def delete(self, version: str, kind: str, *names: str) -> None:
        """Deletes objects; returns at once."""
        for name in names:
            self.client.delete(version, kind, name, self.name)

    # Traffic

    def gateway(self, name: str, class_name: str = REGIONAL_EXTERNAL) -> None:
        """A Gateway with one HTTP listener."""
        listeners = [{"name": "http", "port": 80, "protocol": "HTTP"}]
        self.create(GATEWAY_API_VERSION, "Gateway", name, {"gatewayClassName": class_name, "listeners": listeners})

    def route(self, name: str, gateway: str, *rules: Object) -> None:
        """A route of the Gateway."""
        self.create(GATEWAY_API_VERSION, "HTTPRoute", name, {"parentRefs": [{"name": gateway}], "rules": list(rules)})

    def service(self, name: str, app: str, port: int = VLLM_PORT, app_protocol: str | None = None) -> Object:
        """A Service of the pods labelled `app: APP`; returns the backendRef to it."""
        entry = {"port": port, "targetPort": port, **({"appProtocol": app_protocol} if app_protocol else {})}
        self.create("v1", "Service", name, {"selector": {"app": app}, "ports": [entry]})
        return {"name": name, "port": port}

    def pool(self, name: str, app: str, picker: str) -> Object:
        """An InferencePool of those pods; returns the backendRef to it."""
        spec = {
            "selector": {"matchLabels": {"app": app}},
            "targetPorts": [{"number": VLLM_PORT}],
            "endpointPickerRef": {"name": picker, "port": {"number": 9002}},
        }
        self.create(INFERENCE_POOL_API_VERSION, INFERENCE_POOL, name, spec)
        return {"group": INFERENCE_POOL_GROUP, "kind": INFERENCE_POOL, "name": name}

    def health_check(self, name: str, target: Object, path: str = "/health", kind: str = "HTTP") -> None:
        """A HealthCheckPolicy that asks for `path` on the serving port, twice within a second of the sandbox."""
        check = {"requestPath": path, "portSpecification": "USE_SERVING_PORT"}
        member = {"HTTP": "httpHealthCheck", "HTTPS": "httpsHealthCheck"}[kind]
        default = {"checkIntervalSec": 15, "timeoutSec": 15, "healthyThreshold": 1, "unhealthyThreshold": 2}
        spec = {"targetRef": target, "default": {**default, "config": {"type": kind, member: check}}}
        self.create(GKE_NETWORKING_API_VERSION, "HealthCheckPolicy", name, spec)

    def url_port(self, gateway: str) -> int | None:
        """The local port on which the Gateway serves; None while it does not."""
        for listener in self.gateway_state(gateway).get("listeners", []):
            if listener["url"]:
                return int(listener["localPort"])
        return None

    def ask(self, gateway: str, path: str, body: str | None = None) -> tuple[int, str]:
        """Status and body of a request through the load balancer, as curl shows them; (0, reason) where nothing listens."""
        port = self.url_port(gateway)
        if port is None:
            return 0, "nothing listens"
        headers = {"content-type": "application/json"} if body else {}
        try:
            status, text, _ = ask(port, path, method="POST" if body else "GET", body=body, headers=headers)
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        return status, text

    def answers(self, gateway: str, path: str, status: int, words: str = "", body: str | None = None) -> str:
        """Waits for this answer; returns its body. Fails with the last one."""
        seen: list[tuple[int, str]] = []

        def holds() -> bool:
            seen.append(self.ask(gateway, path, body))
            return seen[-1][0] == status and words in seen[-1][1]

        try:
            eventually(holds, "", timeout=SECONDS)
        except AssertionError:
            raise AssertionError(f"{gateway}{path}: {seen[-1]} instead of {(status, words)}") from None
        return seen[-1][1]

    def gateway_state(self, gateway: str) -> Object:
        """The Gateway as the load balancer has it."""
        found = (state.read(self.cluster.directory) or {"gateways": []})["gateways"]
        return next((item for item in found if (item["namespace"], item["name"]) == (self.name, gateway)), {})

    def backend(self, reference: Object) -> Object:
        """The backend service of a backendRef, as the load balancer has it."""
        content: Object = state.read(self.cluster.directory) or {"backends": {}}
        found: Object = content["backends"].get(self.key(reference), {})
        return found

    def key(self, reference: Object) -> str:
        """The load balancer's name for the backend of a backendRef."""
        kind: str = reference.get("kind", "Service")
        return f"{kind}/{self.name}/{reference['name']}" + (f":{reference['port']}" if kind == "Service" else "")

    def health(self, reference: Object) -> list[tuple[str, str]]:
        """What `gcloud compute backend-services get-health` lists: state of each endpoint, and why."""
        return [(item["state"], item["reason"]) for item in self.backend(reference).get("endpoints", [])]

    def until_health(self, reference: Object, wanted: str, reason: str = "") -> None:
        """Waits until there are endpoints and each is in that state, for that reason."""

        def holds() -> bool:
            found = self.health(reference)
            return bool(found) and all(each == wanted and reason in why for each, why in found)

        eventually(holds, f"every endpoint of {reference['name']} is {wanted} {reason}", timeout=SECONDS)

    # Conditions

    def condition(self, version: str, kind: str, name: str, wanted: str) -> tuple[str, str, str]:
        """(status, reason, message) of a condition, also where it is told per parent; empty while there is none."""
        status: Object = (self.client.get(version, kind, name, self.name) or {}).get("status") or {}
        found: list[Object] = list(status.get("conditions") or [])
        for parent in status.get("parents") or []:
            found += parent.get("conditions") or []
        for item in found:
            if item["type"] == wanted:
                return item["status"], item.get("reason", ""), item.get("message", "")
        return "", "", ""

    def until(self, version: str, kind: str, name: str, wanted: str, status: str, *texts: str) -> str:
        """Waits for a condition with that status, and with `texts` in reason or message; returns its message."""

        def holds() -> bool:
            found, reason, message = self.condition(version, kind, name, wanted)
            return found == status and all(text in f"{reason}: {message}" for text in texts)

        try:
            eventually(holds, "", timeout=SECONDS)
        except AssertionError:
            found = self.condition(version, kind, name, wanted)
            raise AssertionError(f"{kind} {name}: {wanted} is {found} instead of {(status, *texts)}") from None
        return self.condition(version, kind, name, wanted)[2]

    # Pods

    def pods(self, app: str) -> list[Object]:
        """The pods labelled `app: APP`."""
        return self.client.list("v1", "Pod", self.name, label_selector=f"app={app}")

    def containers(self, app: str) -> list[Object]:
        """What `kubectl get pods` tells of them: one status each, empty before there is one."""
        return [(pod["status"].get("containerStatuses") or [{}])[0] for pod in self.pods(app)]

    def until_pods(self, app: str, holds: Callable[[Object], object], what: str, count: int = 1) -> None:
        """Waits until there are `count` pods and `holds` of each one's container status."""

        def met() -> bool:
            found = self.containers(app)
            return len(found) == count and all(holds(each) for each in found)

        try:
            eventually(met, "", timeout=SECONDS)
        except AssertionError:
            raise AssertionError(f"{app}: not {what}: {self.containers(app)}; {self.log(app)[-2000:]}") from None

    def until_ready(self, app: str, count: int = 1) -> None:
        """Waits until the containers of all pods are ready."""
        self.until_pods(app, lambda status: status.get("ready"), "ready", count)

    def log(self, app: str, container: str = "main") -> str:
        """What `kubectl logs` shows of all its pods."""
        files = [
            log_file(self.cluster.directory, self.name, pod["metadata"]["name"], container) for pod in self.pods(app)
        ]
        return "".join(file.read_text(errors="replace") for file in files if file.is_file())

    def events(self, reason: str) -> list[str]:
        """The messages of Events with that reason."""
        return [item["message"] for item in self.client.list("v1", "Event", self.name) if item["reason"] == reason]

    def until_event(self, reason: str, *texts: str) -> None:
        """Waits for an Event with that reason and all texts in its message."""

        def told() -> bool:
            return any(all(text in message for text in texts) for message in self.events(reason))

        try:
            eventually(told, "", timeout=SECONDS)
        except AssertionError:
            raise AssertionError(f"no Event {reason} {texts} among {self.events(reason)}") from None


def rule(backend: Object, prefix: str = "/", **more: Any) -> Object:
    """One rule of a route."""
    return {"matches": [{"path": {"type": "PathPrefix", "value": prefix}}], "backendRefs": [backend], **more}


def to_service(name: str, **changes: str) -> Object:
    """The targetRef of a policy for a Service."""
    return {"group": "", "kind": "Service", "name": name, **changes}
