"""The objects of the HTTP services' example, as it is or with other settings."""

from __future__ import annotations

from typing import Any

import yaml

from sandbox.home import CHECKOUT
from tests.components.recording import KEY, Graph, Resource, build

EXAMPLE = CHECKOUT / "examples" / "http-services" / "Pulumi.http-services.yaml"


def example() -> dict[str, Any]:
    """The settings of the example environment."""
    settings: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())["config"][KEY]
    return settings


def with_service(**changes: Any) -> Graph:
    """The example's first service alone, changed."""
    settings = example()
    service = {**settings["services"][0], **changes}
    settings["services"] = [{key: value for key, value in service.items() if value is not None}]
    return build(settings, stack="http-services")


def named(graph: Graph, kind: str, name: str) -> Resource:
    """The object of that kind and name."""
    (found,) = [resource for resource in graph.manifests_of(kind) if resource.inputs["metadata"]["name"] == name]
    return found


def pod(graph: Graph, name: str) -> dict[str, Any]:
    """The pod of a service."""
    spec: dict[str, Any] = named(graph, "Deployment", name).inputs["spec"]["template"]["spec"]
    return spec


def server(graph: Graph, name: str) -> dict[str, Any]:
    """The one container of a service."""
    (container,) = pod(graph, name)["containers"]
    return container
