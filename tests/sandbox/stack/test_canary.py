"""A second version of a model, through the real engine: both are there, requests are shared, and it goes without a trace."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rules import gateway, kserve
from sandbox.balancer import state
from sandbox.clock import SPEED
from sandbox.kube.client import Client
from sandbox.serving.http import SERVED_BY
from tests.sandbox.balancer.servers import ask
from tests.sandbox.stack.harness import Stack
from tests.sandbox.support import eventually

MODEL, NEXT, NAMESPACE = "qwen2-5-3b", "qwen-next", "inference"
WEIGHT = 25
REQUESTS = 200
FEWEST, MOST = 20, 80
"""Of 200 requests at 25 %: five standard deviations on either side, should the load balancer ever draw lots."""
PROMPT = json.dumps({"model": "Qwen/Qwen2.5-3B-Instruct", "prompt": "Hello", "max_tokens": 1})
KINDS = (
    (kserve.API_VERSION, kserve.LLM_INFERENCE_SERVICE),
    (gateway.GATEWAY_API_VERSION, "HTTPRoute"),
    (gateway.INFERENCE_POOL_API_VERSION, gateway.INFERENCE_POOL),
    (gateway.GKE_NETWORKING_API_VERSION, "HealthCheckPolicy"),
    (gateway.GKE_NETWORKING_API_VERSION, "GCPBackendPolicy"),
    ("policy/v1", "PodDisruptionBudget"),
    ("apps/v1", "Deployment"),
    ("v1", "Service"),
    ("v1", "Pod"),
)


class Live:
    """The running stack as its clients and its operator see it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        (self.directory,) = (stack.workspace.home / "clusters").glob("*inference-dev")
        self.client = Client.from_kubeconfig(self.directory / "kubeconfig")

    def backends(self) -> dict[str, list[str]]:
        """States of the endpoints of everything that gets traffic, by the load balancer's name of the backend."""
        found: dict[str, Any] = (state.read(self.directory) or {}).get("backends", {})
        return {key: [item["state"] for item in backend["endpoints"]] for key, backend in found.items()}

    def serves(self, name: str) -> bool:
        """Whether completions get through to that version: to a server, by way of its endpoint picker."""
        names = kserve.GeneratedNames(name)
        pool = f"{gateway.INFERENCE_POOL}/{NAMESPACE}/{names.inference_pool}"
        picker = (state.read(self.directory) or {}).get("backends", {}).get(pool, {}).get("picker") or ""
        return all(state.HEALTHY in self.backends().get(key, []) for key in (pool, picker))

    def ask(self, name: str) -> tuple[int, str]:
        """Status of a completion under the path of that model, and which version has answered."""
        (gate,) = (state.read(self.directory) or {})["gateways"]
        port = int(gate["listeners"][0]["localPort"])
        headers = {"content-type": "application/json"}
        path = f"/{NAMESPACE}/{name}/v1/completions"
        status, _, answered = ask(port, path, method="POST", body=PROMPT, headers=headers)
        pod = answered.get(SERVED_BY, "")
        return status, next((version for version in (MODEL, NEXT) if pod.startswith(f"{version}-")), pod)

    @contextmanager
    def asking(self) -> Generator[Counter[tuple[int, str]]]:
        """Somebody who sends completions to the model all the time, one after another; what came of them."""
        answers: Counter[tuple[int, str]] = Counter()
        ended = threading.Event()

        def go_on() -> None:
            while not ended.wait(0.05):
                answers[self.ask(MODEL)] += 1

        thread = threading.Thread(target=go_on, daemon=True)
        thread.start()
        try:
            yield answers
        finally:
            ended.set()
            thread.join()

    def named(self, name: str) -> set[str]:
        """The objects of that version in the cluster."""
        return {
            f"{kind} {item['metadata']['name']}"
            for version, kind in KINDS
            for item in self.client.list(version, kind, NAMESPACE)
            if item["metadata"]["name"].startswith(name)
        }


def with_canary(settings: dict[str, Any]) -> None:
    """A second version of the one model, which gets a quarter of the completions."""
    settings["models"][0]["canary"] = {"name": NEXT, "weight": WEIGHT, "image": "vllm/vllm-tpu:v0.28.0"}


@pytest.fixture(scope="module")
def live(own_home: Path) -> Iterator[Live]:
    """The dev stack whose model has a canary, applied once and from nothing; both versions serve."""
    patch = pytest.MonkeyPatch()
    patch.setenv(SPEED, "50")
    try:
        stack = Stack(own_home)
        result = stack.run("up", change=with_canary)
        assert result.code == 0, result.output
        live = Live(stack)
        for name in (MODEL, NEXT):
            eventually(lambda name=name: live.serves(name), f"{name} serves", timeout=60)
        yield live
    finally:
        patch.undo()


def test_both_versions_share_the_requests(live: Live) -> None:
    """Invariant: the model's path leads to both pools by weight, the canary's own path to the canary alone."""
    pools = live.client.list(gateway.INFERENCE_POOL_API_VERSION, gateway.INFERENCE_POOL, NAMESPACE)
    expected = {kserve.GeneratedNames(name).inference_pool for name in (MODEL, NEXT)}
    assert {pool["metadata"]["name"] for pool in pools} == expected
    answers = Counter(live.ask(MODEL) for _ in range(REQUESTS))
    assert set(answers) == {(200, MODEL), (200, NEXT)}, answers
    assert FEWEST <= answers[200, NEXT] <= MOST, answers
    assert Counter(live.ask(NEXT) for _ in range(10)) == {(200, NEXT): 10}


def test_a_canary_goes_without_a_trace(live: Live) -> None:
    """Invariant: no request fails while it is taken away, all of them go to the model afterwards, and nothing of it is left.

    The second half of a canary's life, so it comes after the test above.
    """
    with live.asking() as answers:
        result = live.stack.run("up")
    assert result.code == 0, result.output
    assert {status for status, _ in answers} == {200}, answers
    assert Counter(live.ask(MODEL) for _ in range(REQUESTS)) == {(200, MODEL): REQUESTS}
    assert not [resource["urn"] for resource in live.stack.state()["resources"] if NEXT in resource["urn"]]
    eventually(lambda: not live.named(NEXT), "KServe has removed what it had made for it", timeout=60)
    assert live.named(MODEL)
    eventually(lambda: not [key for key in live.backends() if NEXT in key], "the load balancer has forgotten it")
