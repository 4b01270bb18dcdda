"""Inputs of Helm releases: checks, changes, and the command line."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.kubernetes.checking import AutoName
from sandbox.kubernetes.manifests import resource_names
from sandbox.kubernetes.release_inputs import (
    check_release,
    diff_release,
    install_arguments,
    upgrade_arguments,
    values_files,
)
from sandbox.plugin.values import UNKNOWN

NAMING = AutoName(logical_name="kserve", seed=b"seed")


def reasons(inputs: dict[str, Any]) -> dict[str, str]:
    """What a check finds wrong, by property."""
    return {failure.property: failure.reason for failure in check_release(inputs, {}, NAMING)[1]}


def test_name_and_namespace_are_filled_in() -> None:
    """A release without a name gets one and keeps it."""
    first, failures = check_release({"chart": "oci://example.com/c"}, {}, NAMING, default_namespace="models")
    assert not failures
    assert first["namespace"] == "models"
    assert first["name"].startswith("kserve-")
    second, _ = check_release({"chart": "oci://example.com/c"}, first, AutoName(logical_name="kserve", seed=b"other"))
    assert second["name"] == first["name"]


@pytest.mark.parametrize(
    ("inputs", "where", "why"),
    [
        ({}, "chart", "chart is missing"),
        ({"chart": "./nowhere"}, "chart", "there is no chart at ./nowhere"),
        ({"chart": "nginx"}, "chart", "give repositoryOpts.repo"),
        ({"chart": "oci://x/y", "postrender": "sed"}, "postrender", "not supported by the sandbox's bridge"),
        (
            {"chart": "x", "repositoryOpts": {"repo": "https://x", "password": "made-up"}},
            "repositoryOpts.password",
            "a repository password is not supported",
        ),
    ],
)
def test_wrong_inputs(inputs: dict[str, Any], where: str, why: str) -> None:
    """Each wrong input is named with what to do instead."""
    assert why in reasons(inputs)[where]


def test_an_unknown_chart_is_checked_later() -> None:
    """Preview goes on with what is not known yet."""
    assert reasons({"chart": UNKNOWN, "name": UNKNOWN, "namespace": UNKNOWN}) == {}


def test_an_edited_local_chart_is_a_change(tmp_path: Path) -> None:
    """Incident: edits of a local chart went unnoticed without a new version (pulumi-kubernetes 2672)."""
    (tmp_path / "Chart.yaml").write_text("name: x\nversion: 1.0.0\n")
    inputs = {"chart": str(tmp_path), "name": "x"}
    before, _ = check_release(inputs, {}, NAMING)
    assert not diff_release(before, check_release(inputs, before, NAMING)[0]).paths
    (tmp_path / "Chart.yaml").write_text("name: x\nversion: 1.0.0\n# edited\n")
    after, _ = check_release(inputs, before, NAMING)
    assert set(diff_release(before, after).paths) == {"checksum"}


def test_values_are_compared_deeply() -> None:
    """A changed value is an update at its path; another name or namespace is another release."""
    old = {"name": "x", "namespace": "y", "values": {"a": {"b": 1}}}
    assert diff_release(old, {**old, "values": {"a": {"b": 2}}}).paths == {"values.a.b": "update"}
    assert not diff_release(old, {**old, "values": {"a": {"b": UNKNOWN}}}).replaces
    assert diff_release(old, {**old, "name": "z"}).replaces == {"name"}
    assert diff_release(old, {**old, "namespace": UNKNOWN}).replaces == {"namespace"}


def test_null_values_are_dropped_unless_they_are_wanted() -> None:
    """A null removes a chart's default only with allowNullValues."""
    inputs = {"chart": "oci://x/y", "values": {"a": None, "b": 1}}
    assert check_release(inputs, {}, NAMING)[0]["values"] == {"b": 1}
    assert check_release({**inputs, "allowNullValues": True}, {}, NAMING)[0]["values"] == {"a": None, "b": 1}


def test_the_command_line() -> None:
    """Options become Helm's flags; values never stand on the command line, where every user of the machine sees them."""
    inputs = {
        "chart": "oci://example.com/c",
        "version": "1.2.3",
        "name": "x",
        "namespace": "y",
        "createNamespace": True,
        "skipCrds": True,
        "cleanupOnFail": True,
        "values": {"token": "made-up-secret"},
    }
    install, upgrade = install_arguments(inputs, 90.0), upgrade_arguments(inputs, 90.0)
    assert install[:3] == ["install", "x", "oci://example.com/c"]
    assert upgrade[:3] == ["upgrade", "x", "oci://example.com/c"]
    assert {"--create-namespace", "--skip-crds", "--wait", "--version", "1.2.3", "90s"} <= set(install)
    assert {"--cleanup-on-fail", "--skip-crds", "--wait"} <= set(upgrade)
    assert "--create-namespace" not in upgrade
    assert "made-up-secret" not in " ".join([*install, *upgrade])
    assert "--wait" not in install_arguments({**inputs, "skipAwait": True}, 90.0)


def test_values_files_come_before_values(tmp_path: Path) -> None:
    """Helm merges in this order: later ones win."""
    file = tmp_path / "values.yaml"
    file.write_text("a: 1\n")
    asset = {"4dabf18193072939515e22adb298388d": "c44067f5952c0a294b673a41bacd8c17", "path": str(file)}
    assert values_files({"valueYamlFiles": [asset], "values": {"b": 2}}) == ["a: 1\n", '{"b": 2}']


def test_names_of_the_objects_of_a_release() -> None:
    """`resourceNames` is grouped by kind and version as the official provider does it, however the YAML is written."""
    manifest = """
---
# a comment alone
---
# Source: web/templates/service.yaml
apiVersion: v1
kind: Service
metadata:
  labels:
    name: not-this-one
  name: "b"  # quoted
  namespace: n
spec:
  name: nor-this
--- # flow style
apiVersion: v1
kind: Service
metadata: {name: a}
---
kind: Deployment
metadata:

  # block style, oddly ordered
  name: d
apiVersion: apps/v1
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: >-
    folded
data:
  text: |
    ---
    kind: Secret
"""
    assert resource_names(manifest) == {
        "ConfigMap/v1": ["folded"],
        "Deployment.apps/apps/v1": ["d"],
        "Service/v1": ["a", "n/b"],
    }


def test_names_in_a_large_manifest_take_no_time() -> None:
    """Incident: parsing the CRDs of KServe, 4.5 MB, held up every other resource for seconds."""
    schema = "".join(f"  field{number}:\n    description: a long text\n    type: string\n" for number in range(60_000))
    manifest = f"apiVersion: apiextensions.k8s.io/v1\nkind: CRD\nmetadata:\n  name: x\nspec:\n{schema}"
    began = time.process_time()
    assert resource_names(manifest) == {"CRD.apiextensions.k8s.io/apiextensions.k8s.io/v1": ["x"]}
    assert time.process_time() - began < 1
