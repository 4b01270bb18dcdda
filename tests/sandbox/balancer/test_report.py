"""What people are shown of the load balancer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.tree import Tree

from sandbox.balancer import ports, report, state

Object = dict[str, Any]
POOL, EPP = "InferencePool/llm/pool", "EndpointPicker/llm/epp"


def check(policy: str | None) -> Object:
    """A health check in the state file."""
    return {"policy": policy, "text": "HTTP GET /health, every 15 s"}


def endpoint(pod: str, word: str, reason: str = "") -> Object:
    """An endpoint in the state file."""
    return {"pod": f"llm/{pod}", "address": "10.0.0.1", "port": 8000, "state": word, "reason": reason}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A sandbox with one cluster, whose load balancer has one Gateway."""
    rules = [
        {
            "route": "llm/m",
            "path": "/llm/m/v1",
            "type": "PathPrefix",
            "backends": [{"backend": POOL, "weight": 1}],
        },
        {"route": "llm/m", "path": "/", "type": "Exact", "backends": [], "redirect": {"scheme": "https"}},
    ]
    listener = {"name": "http", "protocol": "HTTP", "port": 80, "localPort": 18000, "url": "http://127.0.0.1:18000"}
    gateway = {
        "namespace": "llm",
        "name": "gw",
        "className": "gke-l7-rilb",
        "address": "10.0.0.9",
        "state": state.BLOCKED,
        "message": "GWCER104: [x] Timeouts are not supported.",
        "listeners": [{**listener, "rules": rules}],
    }
    backends = {
        POOL: {
            "namespace": "llm",
            "name": "pool",
            "timeoutSec": 300.0,
            "picker": EPP,
            "healthCheck": check("pool"),
            "endpoints": [
                endpoint("a", state.HEALTHY),
                endpoint("b", state.UNHEALTHY, "GET / answered 404; only 200 is healthy"),
            ],
        },
        EPP: {
            "namespace": "llm",
            "name": "epp",
            "timeoutSec": 30.0,
            "picker": None,
            "healthCheck": check(None),
            "endpoints": [],
        },
    }
    folder = tmp_path / "clusters" / "p_r_c" / "run"
    folder.mkdir(parents=True)
    content = {"ports": {"llm/gw/http": 18000}, "gateways": [gateway], "backends": backends}
    (folder / state.FILE).write_text(json.dumps(content))
    return tmp_path


def test_tree(home: Path) -> None:
    """From the Gateway to each pod, with its health, the reason, and where the check comes from."""
    tree = Tree("cluster")
    report.add_gateways(tree, home / "clusters" / "p_r_c")
    console = Console(width=200, record=True, file=(home / "out").open("w"))
    console.print(tree)
    console.file.close()
    text = console.export_text()
    order = [
        "llm/gw",
        "Blocked",
        "GWCER104: [x] Timeouts",
        "http://127.0.0.1:18000",
        "HTTPRoute llm/m",
        "/llm/m/v1/…",
        "InferencePool llm/pool",
        "HealthCheckPolicy pool",
        "HEALTHY  llm/a",
        "UNHEALTHY  llm/b",
        "GET / answered 404",
        "endpoint picker llm/epp",
        "no HealthCheckPolicy",
        "no endpoint",
        "redirect to https",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_a_listener_that_cannot_be_served_is_shown_as_it_was_said(home: Path) -> None:
    """Brackets of an error are text, not markup: they neither vanish nor break the tree."""
    file = home / "clusters" / "p_r_c" / "run" / state.FILE
    content = json.loads(file.read_text())
    (listener,) = content["gateways"][0]["listeners"]
    listener |= {"url": None, "problem": "[SSL: KEY_VALUES_MISMATCH] key values mismatch [/]"}
    file.write_text(json.dumps(content))
    tree = Tree("cluster")
    report.add_gateways(tree, home / "clusters" / "p_r_c")
    with (home / "out").open("w") as out:
        console = Console(width=200, record=True, file=out)
        console.print(tree)
    assert "http :80  not served  [SSL: KEY_VALUES_MISMATCH] key values mismatch [/]" in console.export_text()
    words = "Gateway llm/gw: listener http cannot be served: [SSL: KEY_VALUES_MISMATCH]"
    assert any(line.startswith(words) for line in report.urls(home))


def test_urls(home: Path) -> None:
    """What `make up` ends with: where to send requests, and that something is in the way."""
    lines = report.urls(home)
    assert lines[0] == "Gateway llm/gw: http://127.0.0.1:18000 stands for http://10.0.0.9"
    assert lines[1] == "  http://127.0.0.1:18000/llm/m/v1"
    assert lines[2].startswith("Gateway llm/gw is blocked: GWCER104")
    assert report.urls(home / "nowhere") == []


def test_each_route_has_an_address_that_can_be_used(home: Path) -> None:
    """The incident: requests to the addresses that `make up` had printed were all answered with 404."""
    file = home / "clusters" / "p_r_c" / "run" / state.FILE
    content = json.loads(file.read_text())

    def rule(route: str, path: str, *backends: str, weight: int = 1, hosts: tuple[str, ...] = ("*",)) -> Object:
        given = [{"backend": backend, "weight": weight} for backend in backends]
        return {"route": route, "path": path, "type": "PathPrefix", "hosts": list(hosts), "backends": given}

    content["gateways"][0]["listeners"][0]["rules"] = [
        rule("llm/m", "/llm/m/health", "Service/llm/m"),
        rule("llm/m", "/llm/m/v1/chat/completions", POOL),
        rule("llm/m", "/llm/m/v1/completions", POOL),
        rule("llm/web", "/llm/web/predict", "Service/llm/web", hosts=("api.example.com",)),
        rule("llm/web", "/llm/web/x", "Service/llm/web", hosts=("api.example.com",)),
        rule("llm/off", "/llm/off", "Service/llm/off", weight=0),
    ]
    file.write_text(json.dumps(content))
    assert [line for line in report.urls(home) if line.startswith("  ")] == [
        "  http://127.0.0.1:18000/llm/m/v1/completions",
        "  http://127.0.0.1:18000/llm/web/predict (Host: api.example.com)",
    ]


def test_ports_are_kept_and_not_shared(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener finds its port again; another cluster's is not taken; a busy one is exchanged."""
    own = home / "clusters" / "p_r_c" / "run" / state.FILE
    other = home / "clusters" / "p_r_other" / "run" / state.FILE
    busy: set[int] = set()

    def free(port: int) -> bool:
        return port not in busy

    monkeypatch.setattr(ports, "is_free", free)
    assert ports.choose("llm/gw/http", ports.remembered(own), own) == 18000
    assert ports.choose("llm/gw/http", ports.remembered(other), other) == 18001
    busy.add(18000)
    assert ports.choose("llm/gw/http", ports.remembered(own), own) == 18001
