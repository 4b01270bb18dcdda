"""Under which id a provider knows a resource, told from its inputs alone.

Owns the id formats of the types this program uses: the import formats of pulumi-gcp 10 and pulumi-kubernetes 4. Every
resource of the program has a fixed name, so its id is known before the resource is; except those of Cloud Monitoring
(`operations.numbered`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

Inputs = Mapping[str, Any]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the engine writes a value that is not known yet (`sdk/go/common/resource/plugin/rpc.go`)."""


def _google(template: str) -> Callable[[Inputs], str | None]:
    fields = [field for _, field, _, _ in Formatter().parse(template) if field]

    def make(inputs: Inputs) -> str | None:
        values = {field: inputs.get(field) for field in fields}
        # A secret or unknown value is no text here.
        return template.format(**values) if all(_plain(value) for value in values.values()) else None

    return make


def _plain(value: Any) -> bool:
    return isinstance(value, str) and value not in ("", UNKNOWN)


def _node_pool(inputs: Inputs) -> str | None:
    cluster = inputs.get("cluster")
    if _plain(cluster) and "/" in str(cluster):
        return _google("{cluster}/nodePools/{name}")(inputs)
    return _google("projects/{project}/locations/{location}/clusters/{cluster}/nodePools/{name}")(inputs)


def _kubernetes(inputs: Inputs) -> str | None:
    metadata = inputs.get("metadata") or {}
    if not isinstance(metadata, Mapping):
        return None
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not _plain(name) or (namespace and not _plain(namespace)):
        return None
    return f"{namespace}/{name}" if namespace else str(name)


IDS: Mapping[str, Callable[[Inputs], str | None]] = {
    "gcp:projects/service:Service": _google("{project}/{service}"),
    "gcp:compute/network:Network": _google("projects/{project}/global/networks/{name}"),
    "gcp:compute/subnetwork:Subnetwork": _google("projects/{project}/regions/{region}/subnetworks/{name}"),
    "gcp:compute/router:Router": _google("projects/{project}/regions/{region}/routers/{name}"),
    "gcp:compute/routerNat:RouterNat": _google("{project}/{region}/{router}/{name}"),
    "gcp:compute/firewall:Firewall": _google("projects/{project}/global/firewalls/{name}"),
    "gcp:compute/regionSecurityPolicy:RegionSecurityPolicy": _google(
        "projects/{project}/regions/{region}/securityPolicies/{name}"
    ),
    "gcp:compute/regionSslPolicy:RegionSslPolicy": _google("projects/{project}/regions/{region}/sslPolicies/{name}"),
    "gcp:compute/resourcePolicy:ResourcePolicy": _google("projects/{project}/regions/{region}/resourcePolicies/{name}"),
    "gcp:compute/address:Address": _google("projects/{project}/regions/{region}/addresses/{name}"),
    "gcp:serviceaccount/account:Account": _google(
        "projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com"
    ),
    "gcp:projects/iAMMember:IAMMember": _google("{project} {role} {member}"),
    "gcp:projects/serviceIdentity:ServiceIdentity": _google("projects/{project}/services/{service}"),
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": _google("{cryptoKeyId} {role} {member}"),
    "gcp:secretmanager/secretIamMember:SecretIamMember": _google(
        "projects/{project}/secrets/{secretId} {role} {member}"
    ),
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": _google(
        "projects/{project}/locations/{location}/repositories/{repository} {role} {member}"
    ),
    "gcp:container/cluster:Cluster": _google("projects/{project}/locations/{location}/clusters/{name}"),
    "gcp:container/nodePool:NodePool": _node_pool,
    "kubernetes:helm.sh/v3:Release": _google("{namespace}/{name}"),
}
"""How each type's id follows from its inputs; every other Kubernetes type is `NAMESPACE/NAME`."""


def provider_id(kind: str, inputs: Inputs, project: str | None) -> str | None:
    """The id under which the provider would know the resource; None where it cannot be told.

    `project` is the one that the stack's Google Cloud provider names, for resources that name none.
    """
    make = IDS.get(kind, _kubernetes if kind.startswith("kubernetes:") else None)
    if make is None:
        return None
    return make(inputs if "project" in inputs or project is None else {**inputs, "project": project})
