"""Checking inputs: names, namespaces and what is refused; all without an API server."""

from __future__ import annotations

import pytest

from sandbox.kubernetes.checking import AutoName, Naming, check_object
from sandbox.kubernetes.tokens import UnsupportedTypeError, is_namespaced, parse_token
from sandbox.plugin.values import UNKNOWN

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
NAMING = AutoName(logical_name="settings", seed=b"seed")


def no_discovery(_api_version: str, _kind: str) -> bool | None:
    """Fails the test: discovery is a connection."""
    pytest.fail("the API server was asked")


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("kubernetes:core/v1:Namespace", ("v1", "Namespace")),
        ("kubernetes:apps/v1:Deployment", ("apps/v1", "Deployment")),
        ("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute", ("gateway.networking.k8s.io/v1", "HTTPRoute")),
        ("kubernetes:example.com/v1:IPAllowList", ("example.com/v1", "IPAllowList")),
    ],
)
def test_a_token_names_api_version_and_kind(token: str, expected: tuple[str, str]) -> None:
    """A token names apiVersion and kind."""
    assert parse_token(token) == expected


@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:core/v1:ConfigMapPatch",
        "kubernetes:apps/v1:DeploymentList",
        "kubernetes:yaml/v2:ConfigGroup",
        "kubernetes:helm.sh/v4:Chart",
        "kubernetes:kustomize/v2:Directory",
        "kubernetes:v1:Namespace",
        "aws:s3/bucket:Bucket",
    ],
)
def test_what_stands_for_no_object_of_its_own_is_refused_by_name(token: str) -> None:
    """What stands for no object of its own is refused by name."""
    with pytest.raises(UnsupportedTypeError, match=token.split(":")[2]):
        parse_token(token)


@pytest.mark.parametrize(
    ("api_version", "kind", "expected"),
    [
        ("v1", "ConfigMap", True),
        ("v1", "Namespace", False),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", False),
        ("gateway.networking.k8s.io/v1", "HTTPRoute", True),
        ("gateway.networking.k8s.io/v1", "GatewayClass", False),
        ("serving.kserve.io/v1alpha1", "LLMInferenceService", True),
        ("example.com/v1", "Thing", None),
    ],
)
def test_scopes_of_known_kinds_need_no_server(api_version: str, kind: str, expected: bool | None) -> None:
    """Scopes of known kinds need no server."""
    assert is_namespaced(api_version, kind) is expected


def test_api_version_kind_namespace_and_name_are_filled_in() -> None:
    """ApiVersion kind namespace and name are filled in."""
    inputs, failures = check_object(CONFIG_MAP, {"data": {"a": "1"}}, {}, NAMING, discover=no_discovery)
    assert not failures
    assert (inputs["apiVersion"], inputs["kind"]) == ("v1", "ConfigMap")
    assert inputs["metadata"]["namespace"] == "default"
    assert inputs["metadata"]["name"].startswith("settings-")
    assert len(inputs["metadata"]["name"]) == len("settings-") + 8
    assert inputs["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}


def test_a_random_name_stays_once_it_is_in_the_state() -> None:
    """A random name stays once it is in the state."""
    first, _ = check_object(CONFIG_MAP, {}, {}, NAMING)
    second, _ = check_object(CONFIG_MAP, {"data": {"a": "1"}}, first, AutoName(logical_name="settings", seed=b"other"))
    assert second["metadata"]["name"] == first["metadata"]["name"]


def test_an_explicit_name_is_not_marked_as_random() -> None:
    """An explicit name is not marked as random."""
    inputs, _ = check_object(CONFIG_MAP, {"metadata": {"name": "mine"}}, {}, NAMING)
    assert inputs["metadata"] == {"name": "mine", "namespace": "default"}


def test_the_stack_may_forbid_random_names() -> None:
    """The stack may forbid random names."""
    naming = AutoName(logical_name="settings", mode=Naming.DISABLE)
    _, failures = check_object(CONFIG_MAP, {}, {}, naming)
    assert [failure.property for failure in failures] == ["metadata.name"]
    assert "pulumi:autonaming" in failures[0].reason


def test_the_namespace_of_the_provider_is_the_default() -> None:
    """The namespace of the provider is the default."""
    inputs, _ = check_object(CONFIG_MAP, {}, {}, NAMING, default_namespace="models")
    assert inputs["metadata"]["namespace"] == "models"


def test_an_unknown_namespace_stays_unknown() -> None:
    """An unknown namespace stays unknown."""
    inputs, failures = check_object(CONFIG_MAP, {"metadata": {"name": "x", "namespace": UNKNOWN}}, {}, NAMING)
    assert inputs["metadata"]["namespace"] == UNKNOWN
    assert not failures


def test_a_namespace_on_a_kind_without_one_is_refused() -> None:
    """A namespace on a kind without one is refused."""
    news = {"metadata": {"name": "x", "namespace": "y"}}
    _, failures = check_object("kubernetes:core/v1:Namespace", news, {}, NAMING)
    assert failures[0].property == "metadata.namespace"
    assert "a Namespace has no namespace; remove" in failures[0].reason


@pytest.mark.parametrize("field", ["apiVersion", "kind"])
def test_unknown_api_version_and_kind_are_refused(field: str) -> None:
    """Unknown apiVersion and kind are refused."""
    _, failures = check_object(CONFIG_MAP, {field: UNKNOWN}, {}, NAMING)
    assert [failure.property for failure in failures] == [field]
    assert "must be known at preview" in failures[0].reason


def test_a_kind_nobody_knows_is_looked_up_once_and_never_again() -> None:
    """Invariant: previews of an unchanged stack make no connection, custom resources of any kind included."""
    token, asked = "kubernetes:example.com/v1:Thing", list[tuple[str, str]]()

    def discover(api_version: str, kind: str) -> bool | None:
        asked.append((api_version, kind))
        return True

    first, _ = check_object(token, {"metadata": {"name": "x"}}, {}, NAMING, discover=discover)
    assert asked == [("example.com/v1", "Thing")]
    second, _ = check_object(token, {"metadata": {"name": "x"}}, first, NAMING, discover=no_discovery)
    assert second == first


def test_a_patch_of_a_custom_resource_is_refused_but_a_kind_that_ends_so_is_not() -> None:
    """A patch of a custom resource is refused but a kind that ends so is not."""
    token = "kubernetes:example.com/v1:ThingPatch"
    _, refused = check_object(token, {"kind": "Thing", "metadata": {"name": "x"}}, {}, NAMING)
    _, accepted = check_object(token, {"kind": "ThingPatch", "metadata": {"name": "x"}}, {}, NAMING)
    assert "declare the whole Thing instead" in refused[0].reason
    assert not accepted


def test_generated_names_are_refused_with_the_alternative() -> None:
    """Generated names are refused with the alternative."""
    _, failures = check_object(CONFIG_MAP, {"metadata": {"generateName": "x-"}}, {}, NAMING)
    assert "give metadata.name" in failures[0].reason


def test_null_members_are_left_out() -> None:
    """Null members are left out."""
    inputs, _ = check_object(CONFIG_MAP, {"metadata": {"name": "x", "labels": None}, "data": {"a": None}}, {}, NAMING)
    assert inputs["metadata"] == {"name": "x", "namespace": "default"}
    assert inputs["data"] == {}
