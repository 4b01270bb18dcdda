"""What a process of a pod may do at the API server: exactly what its service account may.

Owns: the token of the pod's service account (TokenRequest) and the kubeconfig made of it. Why not the administrator's
kubeconfig: a missing RBAC rule in a chart then fails here as it fails on a cluster.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import yaml

from sandbox.cluster.files import write_private
from sandbox.kube.client import Client

Object = dict[str, Any]

_TOKEN_SECONDS = 30 * 24 * 3600


def service_account_token(client: Client, pod: Object) -> str:
    """A fresh token of the pod's service account, bound to the pod; valid for 30 days."""
    metadata = pod["metadata"]
    account = pod["spec"].get("serviceAccountName", "default")
    bound = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
    answer = client.request(
        "POST",
        f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{account}/token",
        body={
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": _TOKEN_SECONDS, "boundObjectRef": bound},
        },
    )
    return str(answer["status"]["token"])


def write_kubeconfig(client: Client, pod: Object, admin: Path, directory: Path) -> Path:
    """Writes a kubeconfig for the pod's service account to `directory`, with server and CA of the file `admin`."""
    cluster = cast("Object", yaml.safe_load(admin.read_text()))["clusters"][0]["cluster"]
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "pod",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": "pod", "user": {"token": service_account_token(client, pod)}}],
        "contexts": [
            {
                "name": "pod",
                "context": {"cluster": "cluster", "user": "pod", "namespace": pod["metadata"]["namespace"]},
            }
        ],
    }
    path = directory / "kubeconfig"
    write_private(path, json.dumps(config))
    return path
