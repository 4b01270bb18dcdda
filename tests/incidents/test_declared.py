"""What our own program leaves alone, where a report's authors took their documentation's word for it."""

from __future__ import annotations

from typing import Any

from rules.kserve import LLM_INFERENCE_SERVICE
from tests.committed import committed
from tests.components.recording import build


def schedulers(**model: Any) -> list[dict[str, Any]]:
    """`spec.router.scheduler` of each model of dev, with these settings more for the first."""
    settings = committed("dev")
    settings["models"][0] |= model
    found = build(settings).manifests_of(LLM_INFERENCE_SERVICE)
    return [resource.inputs["spec"]["router"]["scheduler"] for resource in found]


def test_scorers_and_weights_are_kserves_unless_they_are_set() -> None:
    """Invariant: nobody's prose decides how requests are spread (issue 14): without the setting there is no configuration."""
    (unset,) = schedulers()
    assert "config" not in unset
    (given,) = schedulers(endpointPicker={})
    assert [plugin["type"] for plugin in given["config"]["inline"]["plugins"] if plugin["type"].endswith("-scorer")]
