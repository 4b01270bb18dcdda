"""What a backend of the load balancer is: where its endpoints come from, how they are checked, how long it may take.

Owns the values and how they follow from Service, InferencePool, HealthCheckPolicy and GCPBackendPolicy, as GKE makes a
backend service and a health check of them. A readiness probe is never looked at. Does not own endpoints (`endpoints`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from rules import health
from rules.backend import DEFAULT_DRAINING_SECONDS
from rules.gateway import DEFAULT_BACKEND_TIMEOUT_SECONDS, INFERENCE_POOL, INFERENCE_POOL_GROUP
from rules.load_balancer import PICKER_HEALTH_PORT

Object = dict[str, Any]

PICKER = "EndpointPicker"
"""Kind of the backend that GKE makes of a pool's endpoint picker."""

_SAMPLE_ALL = 1_000_000


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """How endpoints are checked; seconds are GKE's. `port` None is the serving port, `policy` the policy it is from."""

    type: str
    path: str = health.DEFAULT_PATH
    port: int | None = None
    port_name: str | None = None
    host: str | None = None
    response: str | None = None
    service: str = ""
    interval: float = health.DEFAULT_INTERVAL_SECONDS
    timeout: float = health.DEFAULT_TIMEOUT_SECONDS
    healthy: int = health.DEFAULT_HEALTHY_THRESHOLD
    unhealthy: int = health.DEFAULT_UNHEALTHY_THRESHOLD
    policy: str | None = None

    def describe(self) -> str:
        """The check in a few words: `HTTP GET /health, every 15 s`."""
        where = {"TCP": "connect", "GRPC": f"Check {self.service}".rstrip()}.get(self.type, f"GET {self.path}")
        port = f" on {self.port or self.port_name}" if self.port or self.port_name else ""
        return f"{self.type} {where}{port}, every {self.interval:g} s"


@dataclass(frozen=True, kw_only=True)
class Picker:
    """The endpoint picker of an InferencePool: its Service, the port of it, and what happens when it fails."""

    namespace: str
    name: str
    port: int
    fail_open: bool

    @property
    def key(self) -> str:
        """The key of the backend that checks the picker's health."""
        return f"{PICKER}/{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class BackendSpec:
    """One backend service. `ports` are container ports, or names of them, that every selected pod serves."""

    kind: str
    namespace: str
    name: str
    ports: tuple[int | str, ...]
    selector: Mapping[str, str]
    check: HealthCheck
    port: int | None = None
    protocol: Literal["http", "https"] = "http"
    timeout: float = DEFAULT_BACKEND_TIMEOUT_SECONDS
    draining: float = DEFAULT_DRAINING_SECONDS
    log_share: float = 0.0
    picker: Picker | None = None

    @property
    def key(self) -> str:
        """Kind, namespace, name and, of a Service, the port."""
        return key_of(self.kind, self.namespace, self.name, self.port)


@dataclass(frozen=True, kw_only=True)
class Policies:
    """The policies that are attached, by (group, kind, name) of what they target in their namespace."""

    checks: Mapping[tuple[str, str, str, str], Object] = field(default_factory=dict[tuple[str, str, str, str], Object])
    backends: Mapping[tuple[str, str, str, str], Object] = field(
        default_factory=dict[tuple[str, str, str, str], Object]
    )


def key_of(kind: str, namespace: str, name: str, port: int | None) -> str:
    """The key of a backend."""
    return f"{kind}/{namespace}/{name}" + (f":{port}" if kind == "Service" else "")


def by_target(policies: Iterable[Object]) -> dict[tuple[str, str, str, str], Object]:
    """Policies by (namespace, group, kind, name) of their target; which of several holds is decided before."""
    found: dict[tuple[str, str, str, str], Object] = {}
    for policy in policies:
        target = policy["spec"]["targetRef"]
        found[policy["metadata"]["namespace"], target["group"], target["kind"], target["name"]] = policy
    return found


def service_backend(service: Object, port: int, policies: Policies) -> BackendSpec | None:
    """The backend of a Service's port; None when it has no such port or selects nothing."""
    namespace, name, spec = service["metadata"]["namespace"], service["metadata"]["name"], service["spec"]
    entry = next((item for item in spec.get("ports") or [] if item["port"] == port), None)
    if entry is None or not spec.get("selector"):
        return None
    secure = str(entry.get("appProtocol") or "").lower() == "https"
    target = (namespace, "", "Service", name)
    return BackendSpec(
        kind="Service",
        namespace=namespace,
        name=name,
        port=port,
        ports=(entry.get("targetPort") or port,),
        selector=spec["selector"],
        protocol="https" if secure else "http",
        check=_check(policies.checks.get(target), HealthCheck(type="HTTPS" if secure else "HTTP")),
        **_settings(policies.backends.get(target)),
    )


def pool_backend(pool: Object, policies: Policies) -> BackendSpec:
    """The backend of an InferencePool. It is spoken to in plain HTTP, or in TLS where its health check is HTTPS: the
    pool itself has no word for TLS, and GKE's documents none.
    """
    namespace, name, spec = pool["metadata"]["namespace"], pool["metadata"]["name"], pool["spec"]
    target = (namespace, INFERENCE_POOL_GROUP, INFERENCE_POOL, name)
    check = _check(policies.checks.get(target), HealthCheck(type="HTTP"))
    reference: Object = spec.get("endpointPickerRef") or {}
    return BackendSpec(
        kind=INFERENCE_POOL,
        namespace=namespace,
        name=name,
        ports=tuple(item["number"] for item in spec.get("targetPorts") or []),
        selector=(spec.get("selector") or {}).get("matchLabels") or {},
        protocol="https" if check.type == "HTTPS" else "http",
        check=check,
        picker=Picker(
            namespace=namespace,
            name=reference["name"],
            port=int((reference.get("port") or {}).get("number") or 0),
            fail_open=reference.get("failureMode") == "FailOpen",
        )
        if reference.get("name")
        else None,
        **_settings(policies.backends.get(target)),
    )


def picker_backend(picker: Picker, service: Object, policies: Policies) -> BackendSpec | None:
    """The backend GKE makes of an endpoint picker's Service; None when it has no such port."""
    spec = service["spec"]
    entry = next((item for item in spec.get("ports") or [] if item["port"] == picker.port), None)
    if entry is None or not spec.get("selector"):
        return None
    policy = policies.checks.get((picker.namespace, "", "Service", picker.name))
    return BackendSpec(
        kind=PICKER,
        namespace=picker.namespace,
        name=picker.name,
        ports=(entry.get("targetPort") or picker.port,),
        selector=spec["selector"],
        check=_check(policy, HealthCheck(type="GRPC", port=PICKER_HEALTH_PORT)),
    )


def _settings(policy: Object | None) -> dict[str, Any]:
    default: Object = (policy or {}).get("spec", {}).get("default") or {}
    logging: Object = default.get("logging") or {}
    share = logging.get("sampleRate", _SAMPLE_ALL) / _SAMPLE_ALL if logging.get("enabled") else 0.0
    draining: Object = default.get("connectionDraining") or {}
    return {
        "timeout": float(default.get("timeoutSec") or DEFAULT_BACKEND_TIMEOUT_SECONDS),
        "draining": float(draining.get("drainingTimeoutSec") or DEFAULT_DRAINING_SECONDS),
        "log_share": share,
    }


def _check(policy: Object | None, unwritten: HealthCheck) -> HealthCheck:
    """The check of a policy; `unwritten` is what GKE does where the policy, or its config, is missing."""
    if policy is None:
        return unwritten
    default: Object = policy["spec"].get("default") or {}
    config: Object = default.get("config") or {}
    kind = str(config.get("type") or unwritten.type)
    # GKE 1.33 takes a type whose member is another one's; what is not the type's own has no effect
    member = cast("Object", config.get(health.MEMBERS.get(kind, ""), {}) or {})
    own = bool(config.get("type"))
    specification = member.get("portSpecification")
    serving = specification == health.SERVING_PORT
    return HealthCheck(
        type=kind,
        path=str(member.get("requestPath") or health.DEFAULT_PATH),
        port=None if serving else (member.get("port") if own else unwritten.port),
        port_name=None if serving else member.get("portName"),
        host=member.get("host"),
        response=member.get("response"),
        service=str(member.get("grpcServiceName") or ""),
        interval=float(default.get("checkIntervalSec") or health.DEFAULT_INTERVAL_SECONDS),
        timeout=float(default.get("timeoutSec") or health.DEFAULT_TIMEOUT_SECONDS),
        healthy=int(default.get("healthyThreshold") or health.DEFAULT_HEALTHY_THRESHOLD),
        unhealthy=int(default.get("unhealthyThreshold") or health.DEFAULT_UNHEALTHY_THRESHOLD),
        policy=policy["metadata"]["name"],
    )
