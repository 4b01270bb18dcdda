"""The project's own objects, on the replay cluster: what the program declares for given settings, applied as it is.

Owns which of the program's objects are applied: those of one namespace, in an order that a person would take. Google Cloud
resources, Helm releases and what is cluster-wide are left out; `test_dev` of the sandbox's own tests has all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.components.recording import Graph, Settings, build
from tests.incidents.replay.place import Place

Object = dict[str, Any]

ORDER = ("ServiceAccount", "Secret", "ConfigMap", "PersistentVolumeClaim", "Service", "Gateway")
"""Kinds that others need; the rest follows in any order."""


def objects(settings: Settings, place: Place) -> list[Object]:
    """What the program declares in the place's namespace for these settings."""
    graph: Graph = build({**settings, "namespace": place.name})
    found = [dict(resource.inputs) for resource in graph.manifests]
    own = [made for made in found if made["metadata"].get("namespace") == place.name]
    return sorted(own, key=lambda made: ORDER.index(made["kind"]) if made["kind"] in ORDER else len(ORDER))


def deploy(settings: Settings, place: Place, change: Callable[[Object], object] = lambda _made: None) -> None:
    """Applies them, each changed by `change`."""
    for made in objects(settings, place):
        change(made)
        gateway = made["kind"] == "Gateway"
        if gateway:
            made["spec"].pop("addresses", None)  # reserved in a cloud that is not part of a replay
        place.apply(made)
