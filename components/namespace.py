"""Namespaces that are closed off from the rest of the cluster: the one the Gateway shares with the models, and controllers'.

Owns the namespaces with their Pod Security labels, their NetworkPolicies, and bounds on what they may use. Does not own what
lives inside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components import network_policies
from components.manifests import manifest
from rules import isolation


@dataclass(frozen=True, kw_only=True)
class ModelNamespaceArgs:
    """Arguments of ModelNamespace.

    Attributes:
        name: The namespace.
        pod_security: Pod Security Standard that is enforced: baseline or restricted.
        network_policies: Whether NetworkPolicies close it.
        restrict_egress: Whether they also bound what its pods may reach.
        proxy_cidrs: Ranges of the load balancer's proxies.
        serving_ports: TCP ports that the load balancer calls and checks.
        metrics_ports: TCP ports that managed Prometheus reads.
        clients: Other namespaces whose pods may call the servers.
        quota: Hard bounds as a ResourceQuota writes them; none for no quota.
        container_defaults: Requests of containers that name none; none for no defaults.
    """

    name: str
    pod_security: str
    network_policies: bool
    restrict_egress: bool
    proxy_cidrs: tuple[str, ...]
    serving_ports: tuple[int, ...]
    metrics_ports: tuple[int, ...]
    clients: tuple[str, ...] = ()
    quota: Mapping[str, str] | None = None
    container_defaults: Mapping[str, str] | None = None


class ModelNamespace(pulumi.ComponentResource):
    """A namespace in which nothing can be reached but by those who have to."""

    namespace: pulumi.CustomResource

    def __init__(self, name: str, args: ModelNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:ModelNamespace", name, vars(args), opts)
        self.namespace = manifest(
            name,
            api_version="v1",
            kind="Namespace",
            name=args.name,
            labels=isolation.pod_security_labels(args.pod_security),
            opts=pulumi.ResourceOptions(parent=self),
        )

        def inside(label: str, api_version: str, kind: str, spec: Mapping[str, Any]) -> None:
            manifest(
                f"{name}-{label}",
                api_version=api_version,
                kind=kind,
                name=label,
                namespace=args.name,
                spec=spec,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[self.namespace]),
            )

        for label, spec in policies(args).items():
            inside(label, isolation.NETWORK_POLICY_API_VERSION, "NetworkPolicy", spec)
        if args.quota:
            inside("quota", "v1", "ResourceQuota", {"hard": dict(args.quota)})
        if args.container_defaults:
            defaults = {"type": "Container", "defaultRequest": dict(args.container_defaults)}
            inside("container-defaults", "v1", "LimitRange", {"limits": [defaults]})
        self.register_outputs({"name": args.name})


def controller_namespace(name: str, *, webhook_ports: Sequence[int], parent: pulumi.Resource) -> pulumi.CustomResource:
    """The namespace of a controller: nobody reaches its pods but on the ports of webhooks.

    Webhooks are open to all, because the address that the control plane calls from is not GKE's promise.
    """
    namespace = manifest(
        name,
        api_version="v1",
        kind="Namespace",
        name=name,
        labels=isolation.pod_security_labels("baseline"),
        opts=pulumi.ResourceOptions(parent=parent),
    )
    specs = {
        "default-deny": network_policies.default_deny(egress=False),
        "allow-own-pods": network_policies.allow_own_pods(egress=False),
        "allow-webhooks": network_policies.allow_ports(webhook_ports),
    }
    for label, spec in specs.items():
        manifest(
            f"{name}-{label}",
            api_version=isolation.NETWORK_POLICY_API_VERSION,
            kind="NetworkPolicy",
            name=label,
            namespace=name,
            spec=spec,
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[namespace]),
        )
    return namespace


def policies(args: ModelNamespaceArgs) -> dict[str, Mapping[str, Any]]:
    """The NetworkPolicies by name."""
    if not args.network_policies:
        return {}
    egress = args.restrict_egress
    found: dict[str, Mapping[str, Any]] = {
        "default-deny": network_policies.default_deny(egress=egress),
        "allow-own-pods": network_policies.allow_own_pods(egress=egress),
        "allow-load-balancer": network_policies.allow_load_balancer(args.proxy_cidrs, args.serving_ports),
    }
    if args.metrics_ports:
        collectors = isolation.MONITORING_NAMESPACES
        found["allow-monitoring"] = network_policies.allow_namespaces(collectors, args.metrics_ports)
    if args.clients:
        found["allow-clients"] = network_policies.allow_namespaces(args.clients, args.serving_ports)
    if egress:
        found["allow-egress"] = network_policies.allow_egress()
    return found
