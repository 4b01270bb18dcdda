"""Configurations, command lines and servers that the tests give an endpoint picker."""

from __future__ import annotations

import json
from typing import Any

from rules import endpoint_picker as known
from sandbox.serving.picker.endpoints import Endpoint

POOL = ["--pool-name", "pool", "--pool-namespace", "models", "--zap-encoder", "json", "", ""]


PLUGINS: list[dict[str, Any]] = [
    {"type": "single-profile-handler"},
    {"type": "decode-filter"},
    {"type": "approx-prefix-cache-producer", "parameters": {"maxPrefixBlocksToMatch": 256}},
    {"type": "prefix-cache-scorer"},
    {"type": "load-aware-scorer"},
    {"type": "max-score-picker"},
]


PROFILE: dict[str, Any] = {
    "name": "default",
    "plugins": [
        {"pluginRef": "decode-filter"},
        {"pluginRef": "prefix-cache-scorer", "weight": 2},
        {"pluginRef": "load-aware-scorer", "weight": 1},
        {"pluginRef": "max-score-picker"},
    ],
}


def text(**changes: object) -> str:
    """A configuration as KServe hands it over."""
    base = {
        "apiVersion": known.CONFIG_API_VERSION,
        "kind": known.CONFIG_KIND,
        "plugins": PLUGINS,
        "schedulingProfiles": [PROFILE],
    }
    return json.dumps({**base, **changes})


def scorers(*entries: tuple[str, float]) -> str:
    """A configuration with these scorers alone."""
    plugins = [{"type": name} for name, _ in entries]
    profile = {"name": "default", "plugins": [{"pluginRef": name, "weight": weight} for name, weight in entries]}
    return text(plugins=plugins, schedulingProfiles=[profile])


def endpoints(count: int, **metrics: object) -> list[Endpoint]:
    """Servers that all say the same of themselves."""
    return [Endpoint(f"pod-{number}", f"127.0.0.1:{number}", {}, **metrics) for number in range(count)]  # type: ignore[arg-type]
