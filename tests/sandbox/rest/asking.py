"""Requests to the REST face as any HTTP client sends them, and the account of a load balancer for it to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.sandbox.gcp.driver import PROJECT
from tests.sandbox.gcp.wire import call

COMPUTE = f"/compute/v1/projects/{PROJECT}"
GKE = f"/v1/projects/{PROJECT}/locations"
REGION = f"{COMPUTE}/regions/us-east5"


def get(home: Path, path: str) -> dict[str, Any]:
    """The answer to a GET that is to succeed."""
    status, body = call(home, "GET", path)
    assert status == 200, body
    return body


def error(home: Path, path: str, method: str = "GET", body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The error of a request that is to be refused; its envelope is checked."""
    status, answer = call(home, method, path, body)
    found: dict[str, Any] = answer["error"]
    assert found["code"] == status >= 400
    assert found["errors"][0]["message"] == found["message"]
    assert found["status"].isupper()
    return found


def names(answer: dict[str, Any], field: str = "items") -> list[str]:
    """The names of what a list holds."""
    return [item["name"] for item in answer.get(field, [])]


BACKENDS = {
    "InferencePool/inference/qwen": {
        "kind": "InferencePool",
        "namespace": "inference",
        "name": "qwen",
        "port": None,
        "protocol": "http",
        "timeoutSec": 300.0,
        "drainingTimeoutSec": 60.0,
        "picker": "EndpointPicker/inference/qwen-epp",
        "healthCheck": {
            "type": "HTTP",
            "requestPath": "/health",
            "checkIntervalSec": 15.0,
            "timeoutSec": 10.0,
            "healthyThreshold": 1,
            "unhealthyThreshold": 2,
            "policy": "qwen",
            "text": "HTTP GET /health, every 15 s",
        },
        "endpoints": [
            {"pod": "qwen-0", "address": "10.4.0.5", "port": 8000, "localPort": 1, "state": "HEALTHY"},
            {"pod": "qwen-1", "address": "10.4.0.6", "port": 8000, "localPort": 2, "state": "UNHEALTHY"},
            {"pod": "qwen-2", "address": "10.4.0.7", "port": 8000, "localPort": 3, "state": "DRAINING"},
        ],
    },
    "EndpointPicker/inference/qwen-epp": {
        "kind": "EndpointPicker",
        "namespace": "inference",
        "name": "qwen-epp",
        "port": None,
        "protocol": "http",
        "timeoutSec": 30.0,
        "drainingTimeoutSec": 0.0,
        "picker": None,
        "healthCheck": {
            "type": "GRPC",
            "requestPath": "/",
            "checkIntervalSec": 15.0,
            "timeoutSec": 15.0,
            "healthyThreshold": 1,
            "unhealthyThreshold": 2,
            "policy": None,
            "text": "GRPC Check on 9003, every 15 s",
        },
        "endpoints": [],
    },
}


def with_balancer(home: Path, class_name: str = "gke-l7-regional-external-managed") -> None:
    """Writes the account of a load balancer that serves one pool."""
    rule = {"backends": [{"backend": "InferencePool/inference/qwen", "weight": 1}]}
    gateway = {
        "namespace": "inference",
        "name": "gateway",
        "className": class_name,
        "address": "203.0.113.7",
        "state": "Programmed",
        "message": "",
        "listeners": [{"name": "https", "protocol": "HTTPS", "port": 443, "rules": [rule]}],
    }
    file = home / "clusters" / f"{PROJECT}_us-east5_main" / "run" / "balancer.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"pid": 1, "ports": {}, "gateways": [gateway], "backends": BACKENDS}))
