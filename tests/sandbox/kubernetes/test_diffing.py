"""Diffs: what is an update, what a replacement, and which of the two comes first."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.kubernetes.configuration import diff_configuration
from sandbox.kubernetes.diffing import Mutability, diff_object
from sandbox.plugin.values import UNKNOWN


def obj(kind: str, api_version: str = "v1", **fields: Any) -> dict[str, Any]:
    """An object of one kind with some fields."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": "y"}, **fields}


def test_equal_inputs_are_no_change() -> None:
    """Equal inputs are no change."""
    assert not diff_object(obj("Service"), obj("Service")).paths


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (
            obj("Deployment", "apps/v1", spec={"selector": {"matchLabels": {"a": "1"}}}),
            obj("Deployment", "apps/v1", spec={"selector": {"matchLabels": {"a": "2"}}}),
            "spec.selector.matchLabels.a",
        ),
        (
            obj("StatefulSet", "apps/v1", spec={"serviceName": "a"}),
            obj("StatefulSet", "apps/v1", spec={"serviceName": "b"}),
            "spec.serviceName",
        ),
        (
            obj("Job", "batch/v1", spec={"template": {"spec": {"containers": [{"image": "a"}]}}}),
            obj("Job", "batch/v1", spec={"template": {"spec": {"containers": [{"image": "b"}]}}}),
            "spec.template.spec.containers[0].image",
        ),
        (obj("Service", spec={}), obj("Service", spec={"clusterIP": "None"}), "spec.clusterIP"),
        (
            obj("PersistentVolumeClaim", spec={"accessModes": ["ReadWriteOnce"]}),
            obj("PersistentVolumeClaim", spec={"accessModes": ["ReadWriteMany"]}),
            "spec.accessModes[0]",
        ),
        (
            obj("StorageClass", "storage.k8s.io/v1", parameters={"type": "a"}),
            obj("StorageClass", "storage.k8s.io/v1"),
            "parameters",
        ),
        (
            obj("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", roleRef={"name": "a"}),
            obj("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", roleRef={"name": "b"}),
            "roleRef.name",
        ),
        (obj("ConfigMap", data={"a": "1"}), obj("ConfigMap", data={"a": "2"}), "data.a"),
        (obj("Secret", stringData={"a": "1"}), obj("Secret", stringData={"a": "2"}), "stringData.a"),
        (obj("Thing", "example.com/v1"), obj("Thing", "example.org/v1"), "apiVersion"),
    ],
)
def test_fields_that_cannot_change_replace_the_object(old: dict[str, Any], new: dict[str, Any], path: str) -> None:
    """Fields that cannot change replace the object."""
    changes = diff_object(old, new)
    assert changes.replaces == {path}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (obj("Deployment", "apps/v1", spec={"replicas": 1}), obj("Deployment", "apps/v1", spec={"replicas": 2})),
        (
            obj("PersistentVolumeClaim", spec={"resources": {"requests": {"storage": "1Gi"}}}),
            obj("PersistentVolumeClaim", spec={"resources": {"requests": {"storage": "2Gi"}}}),
        ),
        (obj("ConfigMap"), obj("ConfigMap", immutable=True)),
        (obj("Thing", "example.com/v1"), obj("Thing", "example.com/v2")),
        (obj("Service", spec={"ports": [{"port": 1}]}), obj("Service", spec=UNKNOWN)),
    ],
)
def test_other_changes_are_updates(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Other changes are updates."""
    changes = diff_object(old, new)
    assert changes.paths
    assert not changes.replaces


def test_data_is_changed_in_place_where_the_provider_allows_it() -> None:
    """Data is changed in place where the provider allows it."""
    old, new = obj("ConfigMap", data={"a": "1"}), obj("ConfigMap", data={"a": "2"})
    assert not diff_object(old, new, mutable=Mutability(config_maps=True)).replaces
    frozen = {**old, "immutable": True}
    assert diff_object(frozen, {**new, "immutable": True}, mutable=Mutability(config_maps=True)).replaces


def test_a_name_that_is_not_known_yet_may_be_another_one() -> None:
    """A name that is not known yet may be another one."""
    new = obj("Service")
    new["metadata"] = {"name": "x", "namespace": UNKNOWN}
    assert diff_object(obj("Service"), new).replaces == {"metadata.namespace"}


def test_an_explicit_name_has_to_be_free_before_the_replacement_takes_it() -> None:
    """An explicit name has to be free before the replacement takes it."""
    old, new = obj("ConfigMap", data={"a": "1"}), obj("ConfigMap", data={"a": "2"})
    assert diff_object(old, new).delete_before_replace
    for inputs in (old, new):
        inputs["metadata"]["annotations"] = {"pulumi.com/autonamed": "true"}
    assert not diff_object(old, new).delete_before_replace


def test_another_name_needs_no_deletion_first() -> None:
    """Another name needs no deletion first."""
    old, new = obj("ConfigMap"), obj("ConfigMap")
    new["metadata"] = {"name": "other", "namespace": "y"}
    changes = diff_object(old, new)
    assert changes.replaces == {"metadata.name"}
    assert not changes.delete_before_replace


def kubeconfig(server: str, user: str = "a") -> str:
    """A kubeconfig for one server, with one token."""
    return f"""
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: c}}}}]
clusters: [{{name: c, cluster: {{server: "{server}"}}}}]
users: [{{name: c, user: {{token: {user}}}}}]
"""


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        ({"kubeconfig": kubeconfig("https://a")}, {"kubeconfig": kubeconfig("https://a", "b")}, False),
        ({"kubeconfig": kubeconfig("https://a")}, {"kubeconfig": kubeconfig("https://b")}, True),
        ({"kubeconfig": kubeconfig("https://a")}, {"kubeconfig": UNKNOWN}, False),
        (
            {"kubeconfig": kubeconfig("https://a"), "clusterIdentifier": "c"},
            {"kubeconfig": kubeconfig("https://b"), "clusterIdentifier": "c"},
            False,
        ),
        (
            {"kubeconfig": kubeconfig("https://a"), "clusterIdentifier": "c"},
            {"kubeconfig": kubeconfig("https://a"), "clusterIdentifier": "d"},
            True,
        ),
    ],
)
def test_only_another_cluster_replaces_what_is_in_it(old: dict[str, Any], new: dict[str, Any], replaces: bool) -> None:
    """Incident: a new token in the kubeconfig must not replace every object of the stack (pulumi-kubernetes 4019)."""
    changes = diff_configuration(old, new)
    assert changes.paths
    assert bool(changes.replaces) is replaces
