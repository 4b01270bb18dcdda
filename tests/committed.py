"""The settings of the committed stacks, from which tests start."""

from __future__ import annotations

from typing import Any

import yaml

from sandbox.home import CHECKOUT

KEY = "gke-tpu-inference:platform"
"""The program's config key, with the project's name as the engine writes it."""


def committed(stack: str) -> dict[str, Any]:
    """The settings of Pulumi.<stack>.yaml, free to be changed."""
    settings: dict[str, Any] = yaml.safe_load((CHECKOUT / f"Pulumi.{stack}.yaml").read_text())["config"][KEY]
    return settings


def one_slice() -> dict[str, Any]:
    """The settings of dev with a pool of one slice that does not grow: every further server is one too many."""
    settings = committed("dev")
    (pool,) = settings["tpuPools"]
    settings["tpuPools"] = [{**{key: pool[key] for key in pool if key not in {"minSlices", "maxSlices"}}, "slices": 1}]
    return settings
