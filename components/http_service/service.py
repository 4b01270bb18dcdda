"""The component: which objects an HttpInferenceService consists of, and what waits for what.

Owns the objects. Does not own the Gateway nor the namespace. The route comes after the Service, because a route to a Service
that does not exist yet leaves its Gateway without a programmed configuration, and after the backend's policies, because until
they are there it is unhealthy and unprotected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components import network_policies
from components.http_service import scaling, traffic, workload
from components.http_service.arguments import HttpInferenceServiceArgs
from components.manifests import manifest
from components.props import props
from rules import autoscaling, backend, gateway, health, isolation, monitoring, volumes, weights

NAME_LABEL = "app.kubernetes.io/name"
COMPONENT_LABEL = "app.kubernetes.io/component"
COMPONENT = "http-inference"


class HttpInferenceService(pulumi.ComponentResource):
    """A server that clients reach under GATEWAY/NAMESPACE/NAME/…."""

    deployment: pulumi.CustomResource
    service: pulumi.CustomResource
    route: pulumi.CustomResource
    path: str

    def __init__(self, name: str, args: HttpInferenceServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:HttpInferenceService", name, {**props(args), "name": name}, opts)
        self.path = f"/{args.namespace}/{name}"
        selected = {NAME_LABEL: name, COMPONENT_LABEL: COMPONENT}
        networking = gateway.GKE_NETWORKING_API_VERSION

        def made(
            label: str,
            api_version: str,
            kind: str,
            spec: Mapping[str, Any] | None,
            *,
            after: Sequence[pulumi.Resource] = (),
            annotations: Mapping[str, str] | None = None,
            fields: Mapping[str, Any] | None = None,
            seconds: int | None = None,
        ) -> pulumi.CustomResource:
            timeouts = pulumi.CustomTimeouts(create=f"{seconds}s", update=f"{seconds}s") if seconds else None
            return manifest(
                f"{name}-{label}",
                api_version=api_version,
                kind=kind,
                name=name,
                namespace=args.namespace,
                spec=spec,
                labels=selected,
                annotations=annotations,
                fields=fields,
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(after), custom_timeouts=timeouts),
            )

        account = made("account", "v1", "ServiceAccount", None, fields={"automountServiceAccountToken": False})
        if args.volume is not None:
            made_class = f"{args.namespace}-{name}-shared"
            classes: list[pulumi.Resource] = []
            if args.volume.made_class:
                storage = manifest(
                    f"{name}-shared-class",
                    api_version="storage.k8s.io/v1",
                    kind="StorageClass",
                    name=made_class,
                    fields=weights.filestore_class(args.network),
                    opts=pulumi.ResourceOptions(parent=self),
                )
                classes.append(storage)
            made(
                "models",
                "v1",
                "PersistentVolumeClaim",
                workload.claim(args.volume, made_class),
                annotations={volumes.SKIP_AWAIT: "true"},
                after=classes,
            )
        self.service = made("service", "v1", "Service", traffic.service(args, selected))
        before: list[pulumi.Resource] = [account]
        if args.egress:
            opened = manifest(
                f"{name}-egress",
                api_version=isolation.NETWORK_POLICY_API_VERSION,
                kind="NetworkPolicy",
                name=f"{name}-allowed-egress",
                namespace=args.namespace,
                spec=network_policies.allow_destinations(selected, args.egress),
                labels=selected,
                opts=pulumi.ResourceOptions(parent=self),
            )
            before.append(opened)
        spec = workload.deployment(name, args, selected)
        self.deployment = made(
            "deployment", "apps/v1", "Deployment", spec, after=before, seconds=spec["progressDeadlineSeconds"]
        )
        policies = [
            made("health", networking, health.HEALTH_CHECK_POLICY, traffic.health_check_policy(name, args)),
            made("backend", networking, backend.BACKEND_POLICY, traffic.backend_policy(name, args)),
        ]
        self.route = made(
            "route",
            gateway.GATEWAY_API_VERSION,
            "HTTPRoute",
            traffic.route(name, args, self.path),
            after=[self.service, *policies],
        )
        if args.endpoints.metrics is not None and args.scrape_seconds:
            made(
                "metrics",
                monitoring.POD_MONITORING_API_VERSION,
                monitoring.POD_MONITORING,
                traffic.pod_monitoring(args, selected),
            )
        if args.scaling is not None:
            made(
                "autoscaler",
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                scaling.autoscaler(name, args.namespace, args.scaling),
                after=[self.deployment],
            )
            if native := [metric for metric in args.scaling.metrics if metric.native]:
                made(
                    "autoscaling-metric",
                    autoscaling.AUTOSCALING_METRIC_API_VERSION,
                    autoscaling.AUTOSCALING_METRIC,
                    scaling.autoscaling_metric(args.endpoints, native, selected),
                )
        if args.fewest_replicas > 1:
            made("disruptions", "policy/v1", "PodDisruptionBudget", scaling.disruption_budget(selected))
        self.register_outputs({"path": self.path})
