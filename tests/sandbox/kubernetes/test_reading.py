"""Inputs of objects that are read back: a refresh of what nobody touched changes nothing."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest

from sandbox.kubernetes.objects import to_inputs, to_state
from sandbox.kubernetes.reading import imported_inputs, quantity, refreshed_inputs


@pytest.mark.parametrize(
    ("old", "live"),
    [
        ({"spec": {"a": 1}}, {"spec": {"a": 1, "defaulted": True}, "status": {}}),
        ({"spec": {"list": [{"n": "a"}]}}, {"spec": {"list": [{"n": "a", "protocol": "TCP"}]}}),
        ({"spec": {"labels": {}, "args": [], "text": "", "off": False}}, {"spec": {}}),
        ({"spec": {"cpu": "1000m", "memory": "1024Mi"}}, {"spec": {"cpu": "1", "memory": "1Gi"}}),
        ({"spec": {"cpu": 2}}, {"spec": {"cpu": "2"}}),
    ],
)
def test_what_the_server_adds_or_spells_otherwise_is_no_change(old: dict[str, Any], live: dict[str, Any]) -> None:
    """Defaults, dropped empty fields and normalised quantities are the server's business."""
    assert refreshed_inputs(old, live) == old


@pytest.mark.parametrize(
    ("old", "live", "expected"),
    [
        ({"spec": {"a": 1}}, {"spec": {"a": 2}}, {"spec": {"a": 2}}),
        ({"spec": {"a": 1}}, {"spec": {}}, {"spec": {}}),
        ({"spec": {"list": [1]}}, {"spec": {"list": [1, 2]}}, {"spec": {"list": [1, 2]}}),
        ({"spec": {"list": [1, 2]}}, {"spec": {"list": [1]}}, {"spec": {"list": [1]}}),
        ({"spec": {"cpu": "1"}}, {"spec": {"cpu": "1500m"}}, {"spec": {"cpu": "1500m"}}),
    ],
)
def test_what_somebody_changed_is_seen(old: dict[str, Any], live: dict[str, Any], expected: dict[str, Any]) -> None:
    """Drift in a field of the program shows up in its inputs."""
    assert refreshed_inputs(old, live) == expected


def test_string_data_is_read_from_data() -> None:
    """The server keeps no stringData; what it made of it is compared."""
    live = {"data": {"a": base64.b64encode(b"1").decode(), "b": base64.b64encode(b"3").decode()}}
    assert refreshed_inputs({"stringData": {"a": "1", "b": "2"}}, live) == {"stringData": {"a": "1", "b": "3"}}


def test_an_import_takes_the_fields_that_this_program_applied() -> None:
    """An object made by an update that was killed fits the program that made it, defaults and all."""
    owned = {
        "f:spec": {"f:ports": {'k:{"port":80}': {".": {}, "f:name": {}, "f:port": {}}}, "f:type": {}},
        "f:metadata": {"f:finalizers": {'v:"ours"': {}}},
    }
    live = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "x",
            "namespace": "y",
            "uid": "1",
            "finalizers": ["ours", "theirs"],
            "managedFields": [
                {"manager": "controller", "operation": "Update", "fieldsV1": {"f:spec": {"f:sessionAffinity": {}}}},
                {"manager": "pulumi-kubernetes-12345678", "operation": "Apply", "fieldsV1": owned},
            ],
        },
        "spec": {
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ports": [{"port": 80, "name": "http", "protocol": "TCP"}, {"port": 81}],
        },
        "status": {"loadBalancer": {}},
    }
    assert imported_inputs(live) == {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x", "namespace": "y", "finalizers": ["ours"]},
        "spec": {"type": "ClusterIP", "ports": [{"port": 80, "name": "http"}]},
    }


def test_an_import_of_somebody_elses_object_takes_all_fields() -> None:
    """Without fields of ours everything but the server's bookkeeping is an input."""
    live = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "x",
            "uid": "1",
            "resourceVersion": "2",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
        },
        "data": {"a": "1"},
    }
    assert imported_inputs(live) == to_inputs(live)
    assert imported_inputs(live)["metadata"] == {"name": "x"}


def test_the_state_leaves_out_what_changes_by_itself() -> None:
    """Invariant: a refresh of an untouched cluster finds no change."""
    live = {
        "apiVersion": "v1",
        "kind": "Thing",
        "metadata": {"name": "x", "uid": "1", "resourceVersion": "2", "managedFields": []},
        "status": {
            "observedGeneration": 2,
            "conditions": [{"type": "Ready", "status": "True", "lastUpdateTime": "now"}],
        },
    }
    state = to_state(live, manager="m", initial_api_version="v1")
    assert state["metadata"] == {"name": "x", "uid": "1"}
    assert state["status"] == {"conditions": [{"type": "Ready", "status": "True"}]}
    assert state["__fieldManager"] == "m"


def test_data_of_a_secret_is_secret_to_the_engine() -> None:
    """Invariant: no secret stands in the state as plain text, even if the program did not mark it."""
    live = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": {"a": "aGk="}}
    state = to_state(live, manager="m", initial_api_version="v1")
    assert state["data"]["4dabf18193072939515e22adb298388d"] == "1b47061264138c4ac30d75fd1eb44270"


@pytest.mark.parametrize(
    ("text", "number"),
    [("500m", "0.5"), ("16Gi", str(16 * 2**30)), ("1k", "1000"), (4, "4"), ("Gi", None), ("x", None), (True, None)],
)
def test_quantities(text: Any, number: str | None) -> None:
    """Kubernetes quantities and what is none."""
    assert quantity(text) == (None if number is None else Decimal(number))
