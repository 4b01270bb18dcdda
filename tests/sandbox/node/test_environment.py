"""Environment variables, as a kubelet resolves them."""

from __future__ import annotations

import pytest

from sandbox.node.environment import MissingKeyError, arguments, expand, resolve
from tests.sandbox.node.fakes import Object, client_with, pod, secret


def resolved(container: Object, *objects: Object) -> dict[str, str]:
    """The variables of `container` in the pod of the fakes."""
    return resolve(
        client_with(*objects), pod(serviceAccountName="sa"), container, pod_ip="10.64.0.2", host_ip="10.1.1.1"
    )


def test_downward_api_and_references() -> None:
    """A controller learns its namespace this way; arguments refer to it."""
    container = {
        "env": [
            {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            {"name": "APP", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "WHERE", "value": "$(POD_NAMESPACE)/$(APP) $(UNKNOWN) $$(APP)"},
        ],
        "args": ["--namespace=$(POD_NAMESPACE)"],
    }
    values = resolved(container)
    assert values["WHERE"] == "n/x $(UNKNOWN) $(APP)"
    assert values["IP"] == "10.64.0.2"
    assert arguments(container, values) == ["--namespace=n"]


def test_secret_keys() -> None:
    """Values of Secrets arrive decoded, whole Secrets with their prefix."""
    container = {
        "env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        "envFrom": [{"prefix": "P_", "secretRef": {"name": "s"}}],
    }
    assert resolved(container, secret("s", k="dmFsdWU=")) == {"P_k": "value", "TOKEN": "value"}


def test_missing_secret_names_itself() -> None:
    """CreateContainerConfigError says which Secret is missing; an optional one is left out."""
    reference = {"name": "hf-token", "key": "k"}
    with pytest.raises(MissingKeyError, match='secret "hf-token" not found'):
        resolved({"env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": reference}}]})
    optional = {"env": [{"name": "TOKEN", "valueFrom": {"secretKeyRef": {**reference, "optional": True}}}]}
    assert resolved(optional) == {}


def test_expand_leaves_shell_alone() -> None:
    """Only `$(NAME)` is Kubernetes' own; `$NAME` and `${NAME}` are the shell's."""
    assert expand("$HOME ${HOME} $(HOME)", {"HOME": "/h"}) == "$HOME ${HOME} /h"
