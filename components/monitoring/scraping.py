"""What managed Prometheus reads from models and endpoint pickers, and the rights it needs for that.

Owns two PodMonitorings a model, and one identity that may read metrics and nothing else. An endpoint picker hands its metrics
to whoever shows a token that may `get` /metrics: the token is a Secret that the cluster fills, and of all Secrets the
collector may read that one. Does not own the PodMonitorings of plain HTTP services: those come with the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from components.manifests import manifest
from rules import monitoring, vllm

RBAC = "rbac.authorization.k8s.io"
RBAC_API_VERSION = f"{RBAC}/v1"
READER = monitoring.READER


class Scraping:
    """The objects in one namespace, all children of `parent`."""

    def __init__(self, name: str, namespace: str, scrape_seconds: int, parent: pulumi.Resource) -> None:
        self._name = name
        self._namespace = namespace
        self._interval = f"{scrape_seconds}s"
        self._parent = parent

    def _made(
        self,
        label: str,
        api_version: str,
        kind: str,
        name: str,
        *,
        spec: Mapping[str, Any] | None = None,
        fields: Mapping[str, Any] | None = None,
        annotations: Mapping[str, str] | None = None,
        cluster_wide: bool = False,
        after: pulumi.Resource | None = None,
    ) -> pulumi.CustomResource:
        return manifest(
            f"{self._name}-{label}",
            api_version=api_version,
            kind=kind,
            name=name,
            namespace=None if cluster_wide else self._namespace,
            spec=spec,
            fields=fields,
            annotations=annotations,
            opts=pulumi.ResourceOptions(parent=self._parent, depends_on=[after] if after else []),
        )

    def servers(self, model: str, scheme: str) -> None:
        """The PodMonitoring of a model's servers."""
        endpoint: dict[str, Any] = {
            "port": vllm.PORT,
            "path": vllm.METRICS_PATH,
            "scheme": scheme,
            "interval": self._interval,
        }
        if scheme == "https":
            # KServe signs the servers' certificates itself, with an authority that the collector does not know.
            endpoint["tls"] = {"insecureSkipVerify": True}
        self._monitoring(f"{model}-servers", monitoring.server_labels(model), endpoint)

    def endpoint_picker(self, model: str) -> None:
        """The PodMonitoring of a model's endpoint picker."""
        secret = {"name": READER, "key": "token"}
        endpoint = {
            "port": monitoring.METRICS_PORT_NAME,
            "path": vllm.METRICS_PATH,
            "scheme": "http",
            "interval": self._interval,
            "authorization": {"type": "Bearer", "credentials": {"secret": secret}},
        }
        self._monitoring(f"{model}-endpoint-picker", monitoring.endpoint_picker_labels(model), endpoint)

    def _monitoring(self, name: str, selected: Mapping[str, str], endpoint: Mapping[str, Any]) -> None:
        spec = {"selector": {"matchLabels": dict(selected)}, "endpoints": [dict(endpoint)]}
        self._made(name, monitoring.POD_MONITORING_API_VERSION, monitoring.POD_MONITORING, name, spec=spec)

    def reader(self) -> None:
        """The identity whose token endpoint pickers accept, and the collector's right to that token."""
        account = self._made(
            "reader-account", "v1", "ServiceAccount", READER, fields={"automountServiceAccountToken": False}
        )
        self._made(
            "reader-token",
            "v1",
            "Secret",
            READER,
            fields={"type": "kubernetes.io/service-account-token"},
            annotations={"kubernetes.io/service-account.name": READER},
            after=account,
        )
        # Metrics have no namespace: this right can only be a cluster's, and its name must differ between namespaces.
        everywhere = f"{self._namespace}-{READER}"
        readable = {"rules": [{"nonResourceURLs": [vllm.METRICS_PATH], "verbs": ["get"]}]}
        self._made("reader-role", RBAC_API_VERSION, "ClusterRole", everywhere, fields=readable, cluster_wide=True)
        subject = {"kind": "ServiceAccount", "name": READER, "namespace": self._namespace}
        self._made(
            "reader-binding",
            RBAC_API_VERSION,
            "ClusterRoleBinding",
            everywhere,
            fields=_binding("ClusterRole", everywhere, subject),
            cluster_wide=True,
        )
        one = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [READER], "verbs": ["get"]}
        self._made("collector-role", RBAC_API_VERSION, "Role", "metrics-token-reader", fields={"rules": [one]})
        collector = {
            "kind": "ServiceAccount",
            "name": monitoring.COLLECTOR_ACCOUNT,
            "namespace": monitoring.COLLECTOR_NAMESPACE,
        }
        self._made(
            "collector-binding",
            RBAC_API_VERSION,
            "RoleBinding",
            "metrics-token-reader",
            fields=_binding("Role", "metrics-token-reader", collector),
        )


def _binding(kind: str, name: str, subject: Mapping[str, str]) -> dict[str, Any]:
    return {"roleRef": {"apiGroup": RBAC, "kind": kind, "name": name}, "subjects": [dict(subject)]}
