"""The end of `make up`: what counts as 'requests get through', and what is said while they do not."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from sandbox import rollouts, traffic
from sandbox.kube.client import ApiError, Client
from sandbox.rollouts import Rollout
from sandbox.toolchain.progress import Progress

CLUSTER = "projects/acme/locations/us-east5/clusters/c"
POOL, PICKER = "InferencePool/inference/qwen", "EndpointPicker/inference/qwen-epp"


def endpoint(state: str, reason: str = "") -> dict[str, Any]:
    """One endpoint of a backend."""
    return {"pod": "inference/qwen-0", "state": state, "reason": reason}


def balancer(pool: list[Any], picker: list[Any], *, state: str = "Programmed", weight: int = 1) -> dict[str, Any]:
    """What the load balancer writes about a Gateway with one pool."""
    rules = [{"backends": [{"backend": POOL, "weight": weight}]}]
    message = "" if state == "Programmed" else "GWCER104: timeouts"
    gateway = {
        "namespace": "inference",
        "name": "g",
        "state": state,
        "message": message,
        "listeners": [{"rules": rules}],
    }
    backends = {POOL: {"picker": PICKER, "endpoints": pool}, PICKER: {"picker": None, "endpoints": picker}}
    return {"gateways": [gateway], "backends": backends}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A sandbox with one cluster."""
    (tmp_path / "clusters" / "acme_us-east5_c" / "run").mkdir(parents=True)
    return tmp_path


def write(home: Path, content: dict[str, Any]) -> None:
    """Says what the load balancer says."""
    file = home / "clusters" / "acme_us-east5_c" / "run" / "balancer.json"
    passing = file.with_suffix(".new")
    passing.write_text(json.dumps(content))
    passing.replace(file)


def wait(home: Path, *, patience: float = 0.0, owned: str = CLUSTER) -> list[str]:
    """What is missing at last."""
    return traffic.wait(home, owned.__eq__, Progress(), patience=patience)


HEALTHY = endpoint("HEALTHY")


def test_one_healthy_endpoint_of_each_backend_is_enough(home: Path) -> None:
    """A rolling update goes on while requests get through."""
    write(home, balancer([endpoint("UNHEALTHY", "404"), HEALTHY], [HEALTHY]))
    assert wait(home) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            balancer([endpoint("UNHEALTHY", "GET / answered 404")], [HEALTHY]),
            f"{POOL} has no healthy endpoint: inference/qwen-0: GET / answered 404",
        ),
        (balancer([HEALTHY], []), f"{PICKER} has no healthy endpoint: it has no pods yet"),
        (balancer([HEALTHY], [HEALTHY], state="Blocked"), "Gateway inference/g is blocked: GWCER104: timeouts"),
    ],
    ids=["unhealthy", "no picker", "blocked"],
)
def test_what_is_missing_is_named(home: Path, content: dict[str, Any], said: str) -> None:
    """Incident: everything was created, pods were Ready, and requests ended in 'no healthy upstream'."""
    write(home, content)
    assert wait(home) == [said]


def test_it_goes_on_as_soon_as_requests_get_through(home: Path) -> None:
    """Nobody waits for the whole patience."""
    write(home, balancer([endpoint("UNHEALTHY", "connection refused")], [HEALTHY]))
    timer = threading.Timer(0.3, write, (home, balancer([HEALTHY], [HEALTHY])))
    timer.start()
    assert wait(home, patience=60.0) == []
    timer.join()


def test_a_backend_without_traffic_and_other_stacks_are_not_waited_for(home: Path) -> None:
    """A canary of weight 0, and the clusters of another stack."""
    write(home, balancer([], [], weight=0))
    assert wait(home) == []
    write(home, balancer([], []))
    assert wait(home, owned="projects/acme/locations/us-east5/clusters/other") == []


def test_a_stack_without_a_load_balancer_is_done(home: Path) -> None:
    """Nothing is waited for that nobody will ever write."""
    assert wait(home, patience=60.0) == []


def says_rollouts(monkeypatch: pytest.MonkeyPatch, home: Path, *found: list[Rollout]) -> None:
    """The cluster answers so, one after the other, and the last for ever."""
    answers = list(found)

    def pending(_directory: Path, _client: Client, namespaces: list[str]) -> list[Rollout]:
        assert namespaces == ["inference"]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def connect(_kubeconfig: Path) -> None:
        return None

    (home / "clusters" / "acme_us-east5_c" / "kubeconfig").touch()
    monkeypatch.setattr(Client, "from_kubeconfig", connect)
    monkeypatch.setattr(rollouts, "pending", pending)
    monkeypatch.setattr(traffic, "ROLLOUT_POLL", 0.0)


LATE = Rollout(text="rollout of Deployment inference/qwen is not complete: late", hopeless=frozenset())
CRASHES = Rollout(
    text="rollout of Deployment inference/qwen is not complete: crash", hopeless=frozenset({"inference/qwen-0"})
)


def test_a_healthy_backend_is_not_enough_while_a_rollout_goes_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old version answers; the update is done when the new one does."""
    write(home, balancer([HEALTHY], [HEALTHY]))
    says_rollouts(monkeypatch, home, [LATE])
    assert wait(home) == [LATE.text]
    says_rollouts(monkeypatch, home, [LATE], [LATE], [])
    assert wait(home, patience=60.0) == []


@pytest.mark.parametrize("pool", [[HEALTHY], [endpoint("UNHEALTHY", "connection refused")]], ids=["old", "none"])
def test_a_crash_loop_ends_the_wait(home: Path, monkeypatch: pytest.MonkeyPatch, pool: list[Any]) -> None:
    """Incident: new servers crashed for ever while the old one kept the backend healthy, and `make up` said nothing."""
    write(home, balancer(pool, [HEALTHY]))
    says_rollouts(monkeypatch, home, [CRASHES])
    assert wait(home, patience=3600.0)[-1] == CRASHES.text


def test_a_crash_loop_does_not_end_the_wait_for_others(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another server that still starts gets its time."""
    write(home, balancer([HEALTHY], [endpoint("UNHEALTHY", "not checked yet") | {"pod": "inference/epp-0"}]))
    says_rollouts(monkeypatch, home, [CRASHES])
    timer = threading.Timer(0.3, write, (home, balancer([HEALTHY], [HEALTHY])))
    timer.start()
    assert wait(home, patience=3600.0) == [CRASHES.text]
    timer.join()


def test_an_api_server_that_does_not_answer_is_asked_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right after an update it may still fill its caches."""
    write(home, balancer([HEALTHY], [HEALTHY]))
    says_rollouts(monkeypatch, home, [])
    answers = [ApiError(429, "TooManyRequests", "storage is (re)initializing")]

    def pending(*_: object) -> list[Rollout]:
        if answers:
            raise answers.pop()
        return []

    monkeypatch.setattr(rollouts, "pending", pending)
    assert wait(home, patience=60.0) == []
    assert not answers
