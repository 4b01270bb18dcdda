"""What a GKE cluster holds before anybody has put anything in.

Owns: GKE's namespaces and the CRDs GKE installs for a version and its Gateway API setting. Does not own GatewayClasses
and other objects the simulated GKE controllers keep. Everything is applied as GKE does it: again at each start, taking
the fields back from whoever changed them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from sandbox.cluster.errors import ClusterError
from sandbox.cluster.spec import ClusterSpec, version_key
from sandbox.kube.client import ApiError, Client, NoMatchError

FIELD_MANAGER = "gke"
OWN_CRDS = Path(__file__).resolve().parent.parent / "gke" / "crds"
"""`always/` is on every cluster, `gateway/` comes with the Gateway API."""

INFERENCE_POOL_SINCE = "1.34.0-gke.1626000"
"""First GKE version that installs the InferencePool v1 CRD itself (llm-d's GKE guide, 2026)."""

_NAMESPACES = ("gke-managed-system", "gmp-public", "gmp-system")
_TIMEOUT = 60.0
_CRD_VERSION, _CRD = "apiextensions.k8s.io/v1", "CustomResourceDefinition"

Object = dict[str, Any]


def crd_folders(spec: ClusterSpec, crds: Path) -> list[Path]:
    """The folders of CRDs a cluster of `spec` has; `crds` is the toolchain's folder of upstream ones."""
    folders = [OWN_CRDS / "always"]
    if spec.gateway_api:
        folders += [crds / "gateway-api", OWN_CRDS / "gateway"]
        if version_key(spec.kubernetes_version) >= version_key(INFERENCE_POOL_SINCE):
            folders.append(crds / "inference")
    return folders


def bootstrap(client: Client, spec: ClusterSpec, crds: Path) -> None:
    """Makes the cluster what GKE hands over: namespaces, CRDs whose kinds are served, the default service account there.

    Raises ClusterError when a CRD folder is missing or something is not there within a minute.
    """
    for name in _NAMESPACES:
        _apply(client, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    made = [_apply(client, crd) for crd in _crds(crd_folders(spec, crds))]
    deadline = time.monotonic() + _TIMEOUT
    for crd in made:
        _await_served(client, crd, deadline)
    _await_default_account(client, deadline)


def _crds(folders: Iterable[Path]) -> Iterable[Object]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # these files are long; libyaml is 10 times as fast
    for folder in folders:
        files = sorted(folder.glob("*.yaml"))
        if not files:
            raise ClusterError(f"{folder} holds no CRDs; fetch them with `make tools`")
        for file in files:
            for document in yaml.load_all(file.read_text(), Loader=loader):
                if isinstance(document, dict) and document.get("kind") == _CRD:
                    yield document


def _apply(client: Client, obj: Object) -> Object:
    try:
        return client.apply(obj, field_manager=FIELD_MANAGER, force=True)
    except ApiError as error:
        raise ClusterError(f"{obj['kind']} {obj['metadata']['name']}: the API server refused it: {error}") from error


def _await_served(client: Client, crd: Object, deadline: float) -> None:
    """The API server lists a kind some time after it has said that its CRD is established."""
    name, spec = crd["metadata"]["name"], crd["spec"]
    while not _has_condition(client.get(_CRD_VERSION, _CRD, name) or {}, "Established"):
        _pause(deadline, f"the CRD {name} is not established")
    version = next(item["name"] for item in spec["versions"] if item["served"])
    while not _is_known(client, f"{spec['group']}/{version}", spec["names"]["kind"]):
        _pause(deadline, f"the CRD {name} is established and not served")


def _is_known(client: Client, api_version: str, kind: str) -> bool:
    try:
        client.kind(api_version, kind)
    except NoMatchError:
        return False
    return True


def _has_condition(obj: Object, kind: str) -> bool:
    conditions = obj.get("status", {}).get("conditions") or []
    return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)


def _await_default_account(client: Client, deadline: float) -> None:
    while client.get("v1", "ServiceAccount", "default", "default") is None:
        _pause(deadline, "the controller manager has not made the service account default/default")


def _pause(deadline: float, problem: str) -> None:
    if time.monotonic() > deadline:
        raise ClusterError(f"{problem} after {_TIMEOUT:.0f} s; see the logs of the cluster's control plane")
    threading.Event().wait(0.05)
