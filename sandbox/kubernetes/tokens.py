"""What a resource type token says: `kubernetes:<group>/<version>:<Kind>` to an apiVersion and a kind.

Also knows which kinds have no namespace, so that checking a resource needs no API server.
"""

from __future__ import annotations

from typing import Final

HELM_RELEASE: Final = "kubernetes:helm.sh/v3:Release"

_COMPONENTS: Final = ("helm.sh", "yaml", "kustomize", "kustomization", "apiextensions")
"""Packages of the SDK that are no API groups."""

_BUILT_IN_GROUPS: Final = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)

_WITHOUT_NAMESPACE: Final = {
    "": {"ComponentStatus", "Namespace", "Node", "PersistentVolume"},
    "admissionregistration.k8s.io": {
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    },
    "apiextensions.k8s.io": {"CustomResourceDefinition"},
    "apiregistration.k8s.io": {"APIService"},
    "authentication.k8s.io": {"SelfSubjectReview", "TokenReview"},
    "authorization.k8s.io": {"SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"},
    "certificates.k8s.io": {"CertificateSigningRequest", "ClusterTrustBundle"},
    "flowcontrol.apiserver.k8s.io": {"FlowSchema", "PriorityLevelConfiguration"},
    "internal.apiserver.k8s.io": {"StorageVersion"},
    "networking.k8s.io": {"IPAddress", "IngressClass", "ServiceCIDR"},
    "node.k8s.io": {"RuntimeClass"},
    "rbac.authorization.k8s.io": {"ClusterRole", "ClusterRoleBinding"},
    "resource.k8s.io": {"DeviceClass", "DeviceTaintRule", "ResourceSlice"},
    "scheduling.k8s.io": {"PriorityClass"},
    "storage.k8s.io": {"CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"},
    "storagemigration.k8s.io": {"StorageVersionMigration"},
    # custom resources of this project's platform
    "cert-manager.io": {"ClusterIssuer"},
    "gateway.networking.k8s.io": {"GatewayClass"},
    "inference.networking.k8s.io": set[str](),
    "leaderworkerset.x-k8s.io": set[str](),
    "networking.gke.io": set[str](),
    "serving.kserve.io": {"ClusterServingRuntime", "ClusterStorageContainer"},
}
"""By API group: the kinds whose objects have no namespace, Kubernetes 1.34. Other kinds of these groups have one."""


class UnsupportedTypeError(ValueError):
    """A resource type that this provider does not implement."""


def api_group(api_version: str) -> str:
    """The group of "group/version"; "" for the core group's "v1"."""
    return api_version.rpartition("/")[0]


def parse_token(token: str) -> tuple[str, str]:
    """The apiVersion and kind of a resource type token.

    Raises:
        UnsupportedTypeError: it is a component, a Patch or a List, or no token of this package; or, as with the official
            plugin, it names a version without a group.
    """
    package, _, rest = token.partition(":")
    module, _, kind = rest.partition(":")
    if package != "kubernetes" or not module or not kind:
        raise UnsupportedTypeError(f"{token} is not a resource type of the kubernetes package")
    group = module.rpartition("/")[0] if "/" in module else module
    if group in _COMPONENTS:
        raise UnsupportedTypeError(
            f"{token} is not supported by the sandbox's bridge; "
            "use kubernetes:helm.sh/v3:Release or resources of one object each"
        )
    if "/" not in module:
        raise UnsupportedTypeError(
            f'{token}: apiVersion does not have both a group and a version: "{module}"; '
            f"types of the core group are kubernetes:core/{module}:{kind}"
        )
    api_version = module.removeprefix("core/")
    if api_group(api_version) in _BUILT_IN_GROUPS and kind.endswith(("Patch", "List")):
        raise UnsupportedTypeError(
            f"{token} is not supported by the sandbox's bridge: Patch and List kinds stand for no object of their own; "
            "declare the whole object instead"
        )
    return api_version, kind


def is_namespaced(api_version: str, kind: str) -> bool | None:
    """Whether objects of `kind` live in a namespace; None where only the API server knows."""
    group = api_group(api_version)
    if group in _WITHOUT_NAMESPACE:
        return kind not in _WITHOUT_NAMESPACE[group]
    return True if group in _BUILT_IN_GROUPS else None
