"""The Custom Metrics Stackdriver Adapter: without it an autoscaler cannot read what managed Prometheus has scraped.

Owns its namespace, rights, Deployment and the APIs it registers. Does not own the metrics, nor autoscalers that read pods
straight (AutoscalingMetric): those need no adapter. The objects are those of the adapter's own manifest for the new resource
model, but that its process is not root and that Cloud Monitoring is open to its Kubernetes account alone. That an autoscaler
may ask both APIs is part of its own role already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.google import IAMMember
from components.manifests import manifest
from components.namespace import controller_namespace
from components.secrets import PullSecretsArgs, pull_secrets, shown
from rules import product_images, secrets
from rules import workload_metrics as facts

RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class MetricsAdapterArgs:
    """Arguments of MetricsAdapter.

    Attributes:
        project: The cluster's project, whose metrics it reads.
        project_number: Its number.
        image: The adapter's image.
        pull: Credentials with which it is pulled; None for none.
    """

    project: str
    project_number: pulumi.Input[str]
    image: str
    pull: PullSecretsArgs | None = None


class MetricsAdapter(pulumi.ComponentResource):
    """`custom.metrics.k8s.io` and `external.metrics.k8s.io`, answered from Cloud Monitoring."""

    def __init__(self, name: str, args: MetricsAdapterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:MetricsAdapter", name, shown(args), opts)
        place, adapter = facts.ADAPTER_NAMESPACE, facts.ADAPTER_IMAGE
        space = controller_namespace(place, webhook_ports=(facts.ADAPTER_PORT,), parent=self)
        credentials = pull_secrets(args.pull, place, parent=self, after=space)

        def made(
            label: str,
            api_version: str,
            kind: str,
            named: str,
            *,
            namespace: str | None = place,
            after: list[pulumi.Resource] | None = None,
            spec: Mapping[str, Any] | None = None,
            fields: Mapping[str, Any] | None = None,
        ) -> pulumi.CustomResource:
            return manifest(
                f"{name}-{label}",
                api_version=api_version,
                kind=kind,
                name=named,
                namespace=namespace,
                spec=spec,
                fields=fields,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[space, *(after or [])]),
            )

        def bound(label: str, named: str, role: str, kind: str, namespace: str | None) -> pulumi.Resource:
            fields = {
                "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role},
                "subjects": [{"kind": "ServiceAccount", "name": adapter, "namespace": place}],
            }
            binding = "RoleBinding" if namespace else "ClusterRoleBinding"
            return made(label, f"{RBAC}/v1", binding, named, namespace=namespace, fields=fields)

        account = made("account", "v1", "ServiceAccount", adapter)
        reads = made("reader-role", f"{RBAC}/v1", "ClusterRole", adapter, namespace=None, fields={"rules": _READS})
        rights: list[pulumi.Resource] = [
            reads,
            bound("reader", adapter, adapter, "ClusterRole", None),
            bound("delegator", f"{adapter}-delegator", "system:auth-delegator", "ClusterRole", None),
            bound("authentication", adapter, "extension-apiserver-authentication-reader", "Role", "kube-system"),
        ]
        IAMMember(
            f"{name}-viewer",
            project=args.project,
            role=facts.ADAPTER_ROLE,
            member=pulumi.Output.from_input(args.project_number).apply(
                lambda number: secrets.account_principal(number, args.project, place, adapter)
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        deployment = made(
            "deployment",
            "apps/v1",
            "Deployment",
            adapter,
            after=[account, *rights, *credentials],
            spec=_deployment(args),
        )
        service = made("service", "v1", "Service", adapter, spec=_service())
        for version in (*facts.CUSTOM_VERSIONS, *facts.EXTERNAL_VERSIONS):
            # An API whose server is not there yet would hold up everybody who asks the cluster what it serves.
            made(
                version.api_service,
                "apiregistration.k8s.io/v1",
                "APIService",
                version.api_service,
                namespace=None,
                after=[deployment, service],
                spec=_api_service(version),
            )
        self.register_outputs({})


_READS = [{"apiGroups": [""], "resources": ["pods", "nodes", "nodes/stats"], "verbs": ["get", "list", "watch"]}]
_LABELS = {"k8s-app": facts.ADAPTER_IMAGE}


def _deployment(args: MetricsAdapterArgs) -> dict[str, Any]:
    container = {
        "name": "adapter",
        "image": args.image,
        "command": ["/adapter"],
        "args": [
            "--use-new-resource-model=true",
            "--fallback-for-container-metrics=true",
            "--cert-dir=/tmp/certificates",
        ],
        "ports": [{"name": "https", "containerPort": facts.ADAPTER_PORT, "protocol": "TCP"}],
        "resources": {side: {"cpu": "250m", "memory": "400Mi"} for side in ("requests", "limits")},
        "readinessProbe": {
            "tcpSocket": {"port": facts.ADAPTER_PORT},
            "periodSeconds": 10,
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "temporary", "mountPath": "/tmp"}],  # noqa: S108 - in a container of its own
    }
    pod: dict[str, Any] = {
        "serviceAccountName": facts.ADAPTER_IMAGE,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
            # Port 443 without being root; the control plane's firewall is open for that port and few others.
            "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
        },
        "containers": [container],
        "volumes": [{"name": "temporary", "emptyDir": {"sizeLimit": "16Mi"}}],
    }
    if args.pull:
        pod["imagePullSecrets"] = product_images.references(args.pull.names)
    template = {"metadata": {"labels": _LABELS}, "spec": pod}
    return {"replicas": 1, "selector": {"matchLabels": _LABELS}, "template": template}


def _service() -> dict[str, Any]:
    port = {"name": "https", "port": 443, "targetPort": facts.ADAPTER_PORT, "protocol": "TCP"}
    return {"type": "ClusterIP", "selector": _LABELS, "ports": [port]}


def _api_service(version: facts.Version) -> dict[str, Any]:
    return {
        "group": version.group,
        "version": version.version,
        "groupPriorityMinimum": 100,
        "versionPriority": version.priority,
        "insecureSkipTLSVerify": True,  # the adapter signs its certificate itself, at each start
        "service": {"name": facts.ADAPTER_IMAGE, "namespace": facts.ADAPTER_NAMESPACE, "port": 443},
    }
