"""The objects of a stack whose model has other settings than the committed one."""

from __future__ import annotations

from typing import Any

from tests.committed import one_slice
from tests.components.recording import Graph, Resource, build

Changes = dict[str, Any]


def served(changes: Changes, *, pool: Changes | None = None, **stack: Any) -> Graph:
    """The graph of dev with a changed model, pool and stack; a value of None leaves a setting out."""
    settings = one_slice()
    model = {**settings["models"][0], **changes}
    settings["models"] = [{name: value for name, value in model.items() if value is not None}]
    settings["tpuPools"] = [{**settings["tpuPools"][0], **(pool or {})}]
    for name, value in stack.items():
        settings[name] = {**settings.get(name, {}), **value}
    return build(settings)


def service(graph: Graph, name: str = "qwen2-5-3b") -> Resource:
    """The LLMInferenceService of that name."""
    return graph.one("kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService", name)


def template(graph: Graph, name: str = "qwen2-5-3b") -> dict[str, Any]:
    """The pod of its servers."""
    return service(graph, name).inputs["spec"]["template"]


def container(graph: Graph, name: str = "qwen2-5-3b") -> dict[str, Any]:
    """The server in that pod."""
    return template(graph, name)["containers"][0]


def arguments(graph: Graph, name: str = "qwen2-5-3b") -> list[str]:
    """The server's arguments behind the model."""
    return container(graph, name)["args"]
