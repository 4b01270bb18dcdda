"""What GKE makes a health check and a backend service of."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.balancer import specs
from sandbox.balancer.endpoints import SIMULATED, members
from sandbox.balancer.specs import Policies
from sandbox.node.addresses import PodAddress

Object = dict[str, Any]
POOL_GROUP = "inference.networking.k8s.io"


def service(**port: Any) -> Object:
    """The Service `llm/web`."""
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8000, **port}]}
    return {"metadata": {"namespace": "llm", "name": "web"}, "spec": spec}


def pool(**picker: Any) -> Object:
    """The InferencePool `llm/pool` with its picker `epp`."""
    reference = {"name": "epp", "port": {"number": 9002}, **picker}
    spec = {
        "selector": {"matchLabels": {"app": "web"}},
        "targetPorts": [{"number": 8000}],
        "endpointPickerRef": reference,
    }
    return {"metadata": {"namespace": "llm", "name": "pool"}, "spec": spec}


def policies(default: Object, group: str, kind: str, name: str) -> Policies:
    """One attached policy of each kind with `default`."""
    target = {"group": group, "kind": kind, "name": name}
    held = {"metadata": {"namespace": "llm", "name": "policy"}, "spec": {"targetRef": target, "default": default}}
    found = specs.by_target([held])
    return Policies(checks=found, backends=found)


def of_service(default: Object | None = None, **port: Any) -> specs.BackendSpec:
    """The backend of the Service, with a policy if `default` is given."""
    held = Policies() if default is None else policies(default, "", "Service", "web")
    found = specs.service_backend(service(**port), 80, held)
    assert found is not None
    return found


def test_without_a_policy() -> None:
    """The incident: GET / on the serving port, whatever the readiness probe says."""
    check = of_service().check
    assert (check.type, check.path, check.port, check.policy) == ("HTTP", "/", None, None)
    assert (check.interval, check.timeout, check.healthy, check.unhealthy) == (5, 5, 2, 2)
    assert of_service().timeout == 30


def test_protocol_follows_app_protocol() -> None:
    """The incident: KServe's Service says https, so GKE checks and speaks TLS to a server that has none."""
    secure = of_service(appProtocol="https")
    assert (secure.protocol, secure.check.type) == ("https", "HTTPS")
    assert of_service(appProtocol="http").check.type == "HTTP"


def test_health_check_policy() -> None:
    """Every number and the path are the policy's; a fixed port is not the serving port."""
    http = {"requestPath": "/health", "port": 9000, "portSpecification": "USE_FIXED_PORT", "host": "model"}
    default = {
        "checkIntervalSec": 15,
        "timeoutSec": 14,
        "healthyThreshold": 1,
        "unhealthyThreshold": 3,
        "config": {"type": "HTTP", "httpHealthCheck": http},
    }
    check = of_service(default).check
    assert (check.path, check.port, check.host, check.policy) == ("/health", 9000, "model", "policy")
    assert (check.interval, check.timeout, check.healthy, check.unhealthy) == (15, 14, 1, 3)
    assert check.describe() == "HTTP GET /health on 9000, every 15 s"


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({"type": "HTTPS", "httpHealthCheck": {"requestPath": "/health"}}, ("HTTPS", "/", None)),
        ({"type": "TCP", "tcpHealthCheck": {"portSpecification": "USE_SERVING_PORT"}}, ("TCP", "/", None)),
        ({"type": "GRPC", "grpcHealthCheck": {"port": 9003}}, ("GRPC", "/", 9003)),
        (None, ("HTTP", "/", None)),
    ],
    ids=["member-of-another-type", "tcp", "grpc", "logging-only"],
)
def test_kinds_of_checks(config: Object | None, wanted: tuple[str, str, int | None]) -> None:
    """A member that does not belong to the type has no effect, as GKE 1.33 takes it without a word."""
    check = of_service({"logConfig": {"enabled": True}} if config is None else {"config": config}).check
    assert (check.type, check.path, check.port) == wanted


def test_policy_of_another_target_has_no_effect() -> None:
    """Group, kind and name all have to fit."""
    default = {"config": {"type": "HTTP", "httpHealthCheck": {"requestPath": "/health"}}}
    for group, kind, name in (("x", "Service", "web"), ("", "Service", "other"), (POOL_GROUP, "InferencePool", "web")):
        found = specs.service_backend(service(), 80, policies(default, group, kind, name))
        assert found is not None
        assert found.check.path == "/"


def test_backend_policy() -> None:
    """Timeout, draining and logging; logging without a rate is of all requests."""
    found = of_service(
        {"timeoutSec": 300, "connectionDraining": {"drainingTimeoutSec": 60}, "logging": {"enabled": True}}
    )
    assert (found.timeout, found.draining, found.log_share) == (300, 60, 1.0)
    assert of_service({"logging": {"enabled": True, "sampleRate": 250_000}}).log_share == 0.25
    assert of_service({"logging": {"sampleRate": 250_000}}).log_share == 0


def test_pool_and_its_picker() -> None:
    """The pool is checked on its first port, its picker by gRPC on 9003; FailClose is the default of the API."""
    found = specs.pool_backend(pool(), Policies())
    assert (found.key, found.ports, found.check.type, found.check.path) == (
        "InferencePool/llm/pool",
        (8000,),
        "HTTP",
        "/",
    )
    assert found.picker is not None
    assert not found.picker.fail_open
    assert specs.pool_backend(pool(failureMode="FailOpen"), Policies()).picker != found.picker
    epp = {"metadata": {}, "spec": {"selector": {"app": "epp"}, "ports": [{"port": 9002, "targetPort": "grpc"}]}}
    checked = specs.picker_backend(found.picker, epp, Policies())
    assert checked is not None
    assert (checked.check.type, checked.check.port, checked.ports) == ("GRPC", 9003, ("grpc",))
    tls = {"config": {"type": "HTTPS", "httpsHealthCheck": {"requestPath": "/health"}}}
    secure = specs.pool_backend(pool(), policies(tls, POOL_GROUP, "InferencePool", "pool"))
    assert (secure.protocol, secure.check.path) == ("https", "/health")


def pod(
    name: str, *, ip: str | None = "10.0.0.1", phase: str = "Running", leaving: bool = False, app: str = "web"
) -> Object:
    """A pod that is not Ready."""
    metadata: Object = {"namespace": "llm", "name": name, "uid": name, "labels": {"app": app}}
    metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z"} if leaving else {}
    ports = [{"name": "http", "containerPort": 8000}]
    status = {"podIP": ip, "phase": phase, "conditions": [{"type": "Ready", "status": "False"}]}
    return {"metadata": metadata, "spec": {"containers": [{"ports": ports}]}, "status": status}


def test_members_of_a_group() -> None:
    """A pod that is not Ready is in the group all the same; one that ends, has no address or other labels is not."""
    pods = [
        pod("b"),
        pod("a"),
        pod("leaving", leaving=True),
        pod("done", phase="Succeeded"),
        pod("waiting", ip=None),
        pod("other", app="x"),
    ]
    addresses = {"llm/a": PodAddress(pod_ip="10.0.0.1", ports={8000: 40001, 9000: 40002})}
    found = members(of_service(targetPort="http"), pods, addresses)
    assert [(item.pod, item.port, item.local) for item in found] == [("llm/a", 8000, 40001), ("llm/b", 8000, None)]
    fixed = {"config": {"type": "TCP", "tcpHealthCheck": {"port": 9000, "portSpecification": "USE_FIXED_PORT"}}}
    assert members(of_service(fixed), pods, addresses)[0].check == 40002


@pytest.mark.parametrize(
    ("ports", "conditions", "words"),
    [
        (
            {9090: 40001, 9091: 40002},
            [],
            "connection refused: nothing listens on port 8000; the pod's process listens on 9090, 9091",
        ),
        ({}, [{"type": "ContainersReady", "status": "True"}], SIMULATED),
        ({}, [{"type": "ContainersReady", "status": "False"}], "the pod's process does not run (0/1 Running)"),
    ],
    ids=["another port", "simulated", "crashed"],
)
def test_an_endpoint_that_nothing_serves_says_which_way(
    ports: dict[int, int], conditions: list[Object], words: str
) -> None:
    """The incident: a server on another port than the declared one was taken for a pod that is only simulated."""
    web = pod("a")
    web["spec"].setdefault("containers", [{}])
    web["status"]["conditions"] = conditions
    (found,) = members(of_service(targetPort=8000), [web], {"llm/a": PodAddress(pod_ip="10.0.0.1", ports=ports)})
    assert (found.local, found.check) == (None, None)
    assert words in found.unserved
