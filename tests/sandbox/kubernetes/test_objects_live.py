"""Objects on a real API server: create, change, conflict, delete, read."""

from __future__ import annotations

import pytest

from sandbox.kube.client import Client
from tests.sandbox.kubernetes.engine import (
    Engine,
    RefusedByProviderError,
)
from tests.sandbox.kubernetes.objects import CONFIG_MAP, SERVICE, config_map, service
from tests.sandbox.support import eventually


def test_life_of_an_object(engine: Engine, client: Client, namespace: str) -> None:
    """Created, found unchanged, changed, imported, deleted; each diff in between is what happened."""
    made = engine.create(SERVICE, "web", service(namespace, 80))
    assert made.id == f"{namespace}/web"
    assert made.state["spec"]["clusterIP"]
    assert not engine.diff(made, service(namespace, 80)).diffs

    read = engine.refresh(made)
    assert read == made
    changed = engine.update(made, service(namespace, 80, 81))
    assert [port["port"] for port in changed.state["spec"]["ports"]] == [80, 81]

    client.merge_patch("v1", "Service", "web", namespace, {"spec": {"selector": {"a": "drifted"}}})
    drifted = engine.refresh(changed)
    assert drifted is not None
    assert list(engine.diff(drifted, service(namespace, 80, 81)).detailedDiff) == ["spec.selector.a"]

    imported = engine.imported(SERVICE, "web", made.id)
    assert imported is not None
    engine.delete(drifted)
    assert engine.refresh(drifted) is None
    engine.delete(drifted)


def test_an_import_of_what_this_program_made_differs_in_nothing(engine: Engine, namespace: str) -> None:
    """An `up` that was killed after the creation is repaired by an import, without a change."""
    engine.create(SERVICE, "web", service(namespace, 80))
    imported = engine.imported(SERVICE, "web", f"{namespace}/web")
    assert imported is not None
    assert not engine.diff(imported, service(namespace, 80)).diffs


def test_what_exists_is_not_taken_over(engine: Engine, namespace: str) -> None:
    """Creation refuses an object that is there, and says how to adopt it."""
    engine.create(CONFIG_MAP, "first", config_map(namespace, a="1"))
    with pytest.raises(RefusedByProviderError) as refusal:
        engine.create(CONFIG_MAP, "second", config_map(namespace, a="2"))
    assert 'configmaps "settings" already exists' in str(refusal.value)
    assert f"import_='{namespace}/settings'" in str(refusal.value)


def test_a_field_of_another_manager_is_a_conflict(engine: Engine, client: Client, namespace: str) -> None:
    """The other manager is named, and the annotation that takes the field over."""
    made = engine.create(SERVICE, "web", service(namespace, 80))
    client.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"selector": {"a": "theirs"}},
        },
        field_manager="somebody-else",
        force=True,
    )
    changed = service(namespace, 80)
    changed["spec"]["selector"]["a"] = "mine"
    for preview in (True, False):
        with pytest.raises(RefusedByProviderError, match='conflict with "somebody-else"') as refusal:
            engine.update(made, changed, preview=preview)
        assert "pulumi.com/patchForce" in str(refusal.value)
    changed["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    assert engine.update(made, changed).state["spec"]["selector"] == {"a": "mine"}


def test_what_somebody_deleted_is_not_made_by_a_change(engine: Engine, client: Client, namespace: str) -> None:
    """The official plugin reads an object before it changes it, and fails where it is gone: the state is to be refreshed."""
    made = engine.create(CONFIG_MAP, "x", config_map(namespace, a="1"))
    client.delete("v1", "ConfigMap", "settings", namespace)
    with pytest.raises(RefusedByProviderError, match="the ConfigMap is not found; somebody has deleted it") as refusal:
        engine.update(made, config_map(namespace, a="2"))
    assert "Run the update with --refresh" in str(refusal.value)
    assert client.get("v1", "ConfigMap", "settings", namespace) is None


def test_a_misspelt_field_is_an_error_of_one_line(engine: Engine, namespace: str) -> None:
    """Fields are validated strictly, at preview already."""
    wrong = config_map(namespace, a="1") | {"dat": {"a": "1"}}
    for preview in (True, False):
        with pytest.raises(RefusedByProviderError) as refusal:
            engine.create(CONFIG_MAP, "x", wrong, preview=preview)
        assert 'unknown field "dat"' in str(refusal.value) or ".dat: field not declared" in str(refusal.value)
        assert "Traceback" not in str(refusal.value)


def test_validation_of_a_custom_resource(engine: Engine, things: str, namespace: str) -> None:
    """The API server's own words reach the user."""
    with pytest.raises(RefusedByProviderError, match="should be less than or equal to 3"):
        engine.create(things, "x", {"metadata": {"name": "x", "namespace": namespace}, "spec": {"size": 9}})


def test_objects_of_a_kind_that_is_gone_are_gone(engine: Engine, client: Client, things: str, namespace: str) -> None:
    """A chart that took its CRDs along took their objects along too."""
    made = engine.create(things, "x", {"metadata": {"name": "x", "namespace": namespace}})
    group = things.removeprefix("kubernetes:").removesuffix("/v1:Thing")
    client.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"things.{group}")
    eventually(
        lambda: engine.refresh(made) is None,
        "the API server stops serving the kind",
    )
    engine.delete(made)
