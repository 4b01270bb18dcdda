"""Objects that cases of several files are made of."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.harness import Made
from tests.policies.objects import (
    llm,
    release,
    selector,
    server,
)

API = {"group": "", "kind": "Service", "name": "api"}


def on_tpu(container: Any = None, topology: str = "2x2", **spec: Any) -> Made:
    """An LLMInferenceService of that container."""
    template = {"nodeSelector": selector(topology), "containers": [container or server()]}
    return llm(None, template=template, **spec)


def kserve(version: Any = None, **llmisvc: Any) -> Made:
    """KServe's controller."""
    return release("kserve-llmisvc-resources", version, kserve={"llmisvc": {"createGIECRDs": False, **llmisvc}})


def picker(image: Any) -> Made:
    """A service with an endpoint picker of its own image."""
    scheduler = {"template": {"containers": [{"name": "main", "image": image}]}}
    return llm({"scheduler": scheduler, "route": {"http": {"refs": [{"name": "qwen"}]}}})


PICKER: Final = "ghcr.io/llm-d/llm-d-router-endpoint-picker"
