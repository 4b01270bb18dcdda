"""Kubeconfig files: one for people, one per part of the control plane.

Owns: their shape. Does not own the program's kubeconfig (it names an exec plugin and is built from the cluster's
outputs, as for a real GKE cluster).
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import yaml

from sandbox.cluster.files import write_private


def write_for_people(path: Path, *, context: str, server: str, ca: Path, token: str) -> None:
    """Self-contained, with the token, as `kubectl --kubeconfig` takes it."""
    cluster = {"server": server, "certificate-authority-data": base64.b64encode(ca.read_bytes()).decode()}
    _write(path, context, cluster, {"token": token})


def write_for_component(path: Path, *, server: str, ca: Path, pair: tuple[Path, Path]) -> None:
    """By client certificate: its common name is the user RBAC knows."""
    user = {"client-certificate": str(pair[0]), "client-key": str(pair[1])}
    _write(path, "sandbox", {"server": server, "certificate-authority": str(ca)}, user)


def _write(path: Path, context: str, cluster: dict[str, Any], user: dict[str, Any]) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": cluster}],
        "users": [{"name": context, "user": user}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
    }
    write_private(path, yaml.safe_dump(document, sort_keys=False))
