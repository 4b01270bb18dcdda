"""Requests to an InferencePool: the endpoint picker decides, and what happens when it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sandbox.balancer.endpoints import Endpoint
from sandbox.balancer.specs import BackendSpec, Picker
from sandbox.cluster.proc import free_ports
from tests.sandbox.balancer.servers import Behaviour, ask, running, server
from tests.sandbox.balancer.stage import CHECK, Stage, backend, endpoint, rules, stage
from tests.sandbox.support import eventually

Object = dict[str, Any]
COMPLETION = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]})


class PickerHandler(BaseHTTPRequestHandler):
    """A picker that always takes the last candidate, by name."""

    asked: ClassVar[list[tuple[str, Object]]] = []
    status: ClassVar[int] = 200
    error: ClassVar[str] = "no capacity"

    def do_POST(self) -> None:
        """Answers `/pick` and `/done`."""
        body: Object = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append((self.path, body))
        answer: Object = {}
        if self.path == "/pick" and self.status != 200:
            answer = {"error": self.error}
        elif self.path == "/pick":
            last = max(body["candidates"], key=lambda item: item["pod"])
            answer = {"id": "7", "pod": last["pod"], "address": last["address"]}
        content = json.dumps(answer).encode()
        self.send_response(self.status)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Keeps quiet."""
        del format, args


@pytest.fixture
def balancer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A load balancer that serves nothing yet, and a picker that has not been asked."""
    monkeypatch.setenv("SANDBOX_SPEED", "20")
    monkeypatch.setattr(PickerHandler, "asked", [])
    monkeypatch.setattr(PickerHandler, "status", 200)
    monkeypatch.setattr(PickerHandler, "error", "no capacity")
    with stage(tmp_path) as made:
        yield made


def pool(*, fail_open: bool) -> tuple[BackendSpec, BackendSpec]:
    """A pool and the backend of its picker."""
    picker = Picker(namespace="llm", name="epp", port=9002, fail_open=fail_open)
    spec = backend("pool", kind="InferencePool", port=None, picker=picker)
    return spec, backend("epp", kind="EndpointPicker", port=None, check=CHECK)


def serve(balancer: Stage, ports: tuple[int, int], picker: int | None, *, fail_open: bool = False) -> None:
    """Two healthy servers of one pool with a picker, healthy if it has a port."""
    spec, picking = pool(fail_open=fail_open)
    fleet = {
        spec.key: (spec, [endpoint("a", ports[0]), endpoint("b", ports[1])]),
        picking.key: (picking, [endpoint("epp", picker)]),
    }
    balancer.serve(rules(({}, ((spec.key, 1),))), fleet)
    backends = balancer.fleet.backends
    eventually(lambda: len(backends[spec.key].healthy()) == 2, "the servers are healthy")
    eventually(lambda: len(backends[picking.key].healthy()) == (picker is not None), "the picker is as it should be")


def post(balancer: Stage) -> tuple[int, str]:
    """One completion."""
    return ask(balancer.port, "/v1/chat/completions", method="POST", body=COMPLETION, headers={"x-priority": "1"})[:2]


def test_picker_decides(balancer: Stage) -> None:
    """Every request goes where the picker says; it sees body, headers and healthy candidates, and is told the end."""
    with server(Behaviour("a")) as a, server(Behaviour("b")) as b, running(PickerHandler) as picker:
        serve(balancer, (a, b), picker)
        for _ in range(3):
            status, body = post(balancer)
            assert (status, json.loads(body)["server"]) == (200, "b")
            assert json.loads(body)["body"] == COMPLETION
        eventually(lambda: [path for path, _ in PickerHandler.asked].count("/done") == 3, "ends are told")
    path, asked = PickerHandler.asked[0]
    assert (path, asked["body"], asked["headers"]["x-priority"]) == ("/pick", COMPLETION, "1")
    assert [item["address"] for item in asked["candidates"]] == [f"127.0.0.1:{a}", f"127.0.0.1:{b}"]


@pytest.mark.parametrize(("fail_open", "wanted"), [(True, {200}), (False, {503})], ids=["open", "closed"])
def test_picker_that_is_down(balancer: Stage, *, fail_open: bool, wanted: set[int]) -> None:
    """FailOpen spreads requests over all healthy servers; FailClose refuses them."""
    with server(Behaviour("a")) as a, server(Behaviour("b")) as b:
        serve(balancer, (a, b), None, fail_open=fail_open)
        found = [post(balancer) for _ in range(4)]
    assert {status for status, _ in found} == wanted
    if fail_open:
        assert {json.loads(body)["server"] for _, body in found} == {"a", "b"}
    else:
        assert found[0][1] == "no healthy upstream"


def test_picker_that_refuses_the_request(balancer: Stage) -> None:
    """Saturation is the picker's answer to the client, not a failure of the picker."""
    PickerHandler.status = 429
    with server(Behaviour("a")) as a, server(Behaviour("b")) as b, running(PickerHandler) as picker:
        serve(balancer, (a, b), picker, fail_open=True)
        assert post(balancer) == (429, "no capacity")


@pytest.mark.parametrize(
    ("error", "fail_open", "wanted"),
    [
        ("candidates: each needs pod and address (HOST:PORT)", True, 200),
        ("candidates: each needs pod and address (HOST:PORT)", False, 503),
        ("body: no JSON", True, 400),
    ],
    ids=["open", "closed", "the client's own"],
)
def test_what_the_load_balancer_said_wrong_is_no_fault_of_the_client(
    balancer: Stage, error: str, *, fail_open: bool, wanted: int
) -> None:
    """Only what the picker says of the request itself goes back; anything else is a picker that failed."""
    PickerHandler.status, PickerHandler.error = 400, error
    with server(Behaviour("a")) as a, server(Behaviour("b")) as b, running(PickerHandler) as picker:
        serve(balancer, (a, b), picker, fail_open=fail_open)
        status, body = post(balancer)
    assert status == wanted
    assert "candidates" not in body


def with_a_crashed_server(balancer: Stage, check: int, picker: int, *others: Endpoint) -> None:
    """A pool whose server `z` has no process, while its last check still counts: the endpoint is healthy."""
    spec, picking = pool(fail_open=False)
    crashed = endpoint("z", None, check=check)
    fleet = {spec.key: (spec, [crashed, *others]), picking.key: (picking, [endpoint("epp", picker)])}
    balancer.serve(rules(({}, ((spec.key, 1),))), fleet)
    backends = balancer.fleet.backends
    eventually(lambda: len(backends[spec.key].healthy()) == 1 + len(others), "the servers are healthy")
    eventually(backends[picking.key].healthy, "the picker is healthy")


def test_a_crashed_server_is_no_candidate(balancer: Stage) -> None:
    """The incident: one container in back-off, and the picker refused every request of the pool because of its address."""
    with server(Behaviour("a")) as a, server(Behaviour("z")) as check, running(PickerHandler) as picker:
        with_a_crashed_server(balancer, check, picker, endpoint("a", a))
        answers = [post(balancer) for _ in range(4)]
    assert [(status, json.loads(body)["server"]) for status, body in answers] == [(200, "a")] * 4
    for path, asked in PickerHandler.asked:
        assert path == "/done" or [item["pod"] for item in asked["candidates"]] == ["llm/a"]


def test_pool_whose_only_server_has_crashed(balancer: Stage) -> None:
    """A connection that is refused, as on GKE until its checks have failed; the picker has nothing to choose from."""
    with server(Behaviour("z")) as check, running(PickerHandler) as picker:
        with_a_crashed_server(balancer, check, picker)
        status, body = post(balancer)
    assert (status, "Connection refused" in body) == (503, True)
    assert PickerHandler.asked == []


def test_pool_without_healthy_servers_is_not_asked_about(balancer: Stage) -> None:
    """503 no healthy upstream, and the picker has nothing to choose from."""
    spec, picking = pool(fail_open=True)
    (closed,) = free_ports(1)
    with running(PickerHandler) as picker:
        fleet = {spec.key: (spec, [endpoint("a", closed)]), picking.key: (picking, [endpoint("epp", picker)])}
        balancer.serve(rules(({}, ((spec.key, 1),))), fleet)
        eventually(balancer.fleet.backends[picking.key].healthy, "the picker is healthy")
        assert post(balancer) == (503, "no healthy upstream")
    assert PickerHandler.asked == []
