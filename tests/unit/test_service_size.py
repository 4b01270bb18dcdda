"""A pod of a service that no node without TPU can hold is refused before anything is created."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sandbox.home import CHECKOUT
from tests.committed import KEY
from tests.unit.changing import refusal


@pytest.mark.parametrize(
    ("cpu", "memory", "remedy"),
    [
        ("10", "4Gi", "Write e2-standard-16 or a larger one."),
        ("100", "400Gi", "Write a machine type that holds it, or less for the server of inference."),
    ],
)
def test_a_pod_larger_than_a_node(cpu: str, memory: str, remedy: str) -> None:
    """It would stay Pending for ever; more nodes of the same size are no remedy."""
    file = CHECKOUT / "examples" / "http-services" / "Pulumi.http-services.yaml"
    settings: dict[str, Any] = yaml.safe_load(file.read_text())["config"][KEY]
    amount = {"cpu": cpu, "memory": memory}
    settings["services"][0]["resources"] = {"requests": amount, "limits": amount}
    message = refusal(settings)
    assert "platform.systemPool.machineType: 'e2-standard-8': a node leaves pods 7.91 vCPU and 28.3 GiB" in message
    assert message.endswith(f"it stays Pending. {remedy}")
