"""What the provider does without a cluster: previews, kubeconfigs that are not there, clusters that are gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.plugin.values import UNKNOWN, Properties
from tests.sandbox.kubernetes.charts import RELEASE
from tests.sandbox.kubernetes.engine import (
    Engine,
    RefusedByProviderError,
    Resource,
)
from tests.sandbox.kubernetes.objects import CONFIG_MAP, config_map


def test_previews_without_a_server(offline: Engine) -> None:
    """Invariant: check, diff and preview of what is in the state make no connection."""
    old = offline.create(CONFIG_MAP, "x", config_map("n", a="1"), preview=True)
    assert old.id == ""
    assert old.state["data"] == {"a": "1"}
    assert old.state["metadata"]["uid"] == UNKNOWN
    assert not offline.diff(old, config_map("n", a="1")).diffs
    assert offline.diff(old, config_map("n", a="2")).replaces == ["data.a"]


def test_an_unknown_kubeconfig_is_no_error_at_preview(engine_for: Callable[[Properties], Engine]) -> None:
    """The cluster is made in the same run: its kubeconfig is not known yet."""
    engine = engine_for({"kubeconfig": UNKNOWN})
    assert engine.create(CONFIG_MAP, "x", config_map(UNKNOWN, a="1"), preview=True).state["data"] == {"a": "1"}
    with pytest.raises(RefusedByProviderError, match="kubeconfig is not known yet"):
        engine.create(CONFIG_MAP, "x", config_map("n", a="1"))


def test_no_kubeconfig_is_an_error_and_the_users_own_is_not_used(
    engine_for: Callable[[Properties], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant: the sandbox never finds its way to a real cluster by accident."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with pytest.raises(RefusedByProviderError, match=r"does not use ~/\.kube/config"):
        engine_for({}).create(CONFIG_MAP, "x", config_map("n", a="1"))


def test_a_cluster_that_is_gone(offline: Engine, engine_for: Callable[[Properties], Engine], kubeconfig: str) -> None:
    """Deleting from a cluster that does not answer is an error, unless the provider is told otherwise."""
    made = Resource(
        Engine.urn(CONFIG_MAP, "x"),
        CONFIG_MAP,
        "x",
        "n/settings",
        {},
        {"apiVersion": "v1", "kind": "ConfigMap", **config_map("n")},
    )
    with pytest.raises(RefusedByProviderError, match="deleteUnreachable"):
        offline.delete(made, timeout=0.5)
    server = kubeconfig.split("server: ")[1].split("\n", maxsplit=1)[0]
    gone = engine_for({"kubeconfig": kubeconfig.replace(server, "https://127.0.0.1:1"), "deleteUnreachable": "true"})
    gone.delete(made, timeout=0.5)
    with pytest.raises(RefusedByProviderError, match="cannot reach the API server"):
        offline.refresh(made)
    assert gone.refresh(made) is None


def test_releases_of_a_cluster_that_is_gone(
    engine_for: Callable[[Properties], Engine], kubeconfig: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The same holds for what Helm would uninstall."""
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path))
    server = kubeconfig.split("server: ")[1].split("\n", maxsplit=1)[0]
    elsewhere = kubeconfig.replace(server, "https://127.0.0.1:1")
    state = {"name": "demo", "namespace": "n"}
    made = Resource(Engine.urn(RELEASE, "demo"), RELEASE, "demo", "n/demo", {}, state)
    with pytest.raises(RefusedByProviderError, match="deleteUnreachable"):
        engine_for({"kubeconfig": elsewhere}).delete(made)
    engine_for({"kubeconfig": elsewhere, "deleteUnreachable": "true"}).delete(made)
