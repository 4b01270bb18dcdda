"""A health check that somebody changes by hand through Compute Engine's API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.gcp.driver import PROJECT
from tests.sandbox.gcp.wire import call
from tests.sandbox.gcp.world import World
from tests.sandbox.rest.asking import REGION, error, get, with_balancer

BACKEND = "InferencePool/inference/qwen"


@pytest.fixture
def path(world: World, home: Path) -> str:
    """The health check of a pool behind a regional Gateway."""
    world.cluster()
    with_balancer(home)
    found = get(home, f"{REGION}/healthChecks")["items"]
    return f"{REGION}/healthChecks/" + next(item["name"] for item in found if item["type"] == "HTTP")


def changed(home: Path) -> dict[str, str]:
    """What the load balancer is told: the path by the backend."""
    file = home / "clusters" / f"{PROJECT}_us-east5_main" / "run" / "health-checks-by-hand.json"
    content: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}
    return {key: entry["requestPath"] for key, entry in content.items()}


def test_the_path_is_taken(home: Path, path: str) -> None:
    """`gcloud compute health-checks update http NAME --request-path=/ready`: an operation that is done, and a change."""
    status, operation = call(home, "PATCH", path, {"httpHealthCheck": {"requestPath": "/ready"}})
    assert status == 200, operation
    assert (operation["kind"], operation["status"]) == ("compute#operation", "DONE")
    assert operation["targetLink"].endswith(path.removeprefix("/compute/v1/"))
    assert operation["region"].endswith("/regions/us-east5")
    assert changed(home) == {BACKEND: "/ready"}


def test_what_is_as_it_was_may_be_sent_along(home: Path, path: str) -> None:
    """Near-miss: clients read the resource, change one field and send all of it."""
    whole = get(home, path)
    whole["httpHealthCheck"]["requestPath"] = "/v1/models"
    status, operation = call(home, "PUT", path, whole)
    assert status == 200, operation
    assert changed(home) == {BACKEND: "/v1/models"}


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ({"checkIntervalSec": 30}, 501, "nothing else; checkIntervalSec is not simulated"),
        ({"httpHealthCheck": {"requestPath": "/x", "port": 80}}, 501, "httpHealthCheck.port is not simulated"),
        ({"tcpHealthCheck": {"port": 8000}}, 501, "tcpHealthCheck is not simulated"),
        ({}, 400, "Required field 'resource.httpHealthCheck.requestPath' not specified"),
        ({"httpHealthCheck": {"requestPath": "ready"}}, 400, "'ready'. A path begins with a slash."),
    ],
    ids=["interval", "port", "type", "nothing", "no-path"],
)
def test_any_other_change_is_refused(home: Path, path: str, body: dict[str, Any], code: int, words: str) -> None:
    """Invariant: nothing is ignored without a word, and nothing is changed by a request that is refused."""
    refused = error(home, path, "PATCH", body)
    assert refused["code"] == code
    assert words in refused["message"]
    assert changed(home) == {}


def test_one_that_is_not_there(home: Path, path: str) -> None:
    """404, as for reading it."""
    refused = error(home, f"{path}-typo", "PATCH", {"httpHealthCheck": {"requestPath": "/ready"}})
    assert (refused["code"], refused["status"]) == (404, "NOT_FOUND")
