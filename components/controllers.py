"""cert-manager, LeaderWorkerSet and KServe: the controllers that turn an LLMInferenceService into running servers.

Owns their pinned Helm releases and the order that KServe needs: cert-manager issues the webhook's certificate, so it comes
first; KServe looks for LeaderWorkerSet's API only when it starts, so that comes second; then KServe's CRDs, its controller,
and last the presets, which pass through the controller's webhook and are refused while it does not answer. Does not own the
InferencePool CRD: GKE installs and reconciles it (from 1.34.0-gke.1626000), so KServe's chart is told to leave it alone.
The chart's other two CRDs, InferenceObjective and InferenceModelRewrite, go with it; endpoint pickers do without them.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.helm.v3.Release import Release

from components.charts import release
from components.manifests import manifest
from rules import kserve


@dataclass(frozen=True, kw_only=True)
class InferenceControllersArgs:
    """Arguments of InferenceControllers.

    Attributes:
        mirror: A folder or oci:// prefix that holds the charts, instead of their publishers' registries.
        gateway: NAMESPACE/NAME of the Gateway that routes refer to.
    """

    mirror: str | None
    gateway: str


class InferenceControllers(pulumi.ComponentResource):
    """Everything that has to run in the cluster before a model can be declared."""

    cert_manager: Release
    leader_worker_set: Release
    crds: Release
    kserve: Release
    presets: Release

    def __init__(self, name: str, args: InferenceControllersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:InferenceControllers", name, vars(args), opts)

        namespaces = {
            chart.namespace: manifest(
                chart.namespace,
                api_version="v1",
                kind="Namespace",
                name=chart.namespace,
                opts=pulumi.ResourceOptions(parent=self),
            )
            for chart in (kserve.CERT_MANAGER_CHART, kserve.LWS_CHART, kserve.KSERVE_CHART)
        }

        def install(chart: kserve.Chart, values: dict[str, object], *after: pulumi.Resource) -> Release:
            return release(
                chart,
                mirror=args.mirror,
                values=values,
                namespace=namespaces[chart.namespace],
                parent=self,
                depends_on=after,
            )

        self.cert_manager = install(kserve.CERT_MANAGER_CHART, {"crds": {"enabled": True}})
        self.leader_worker_set = install(kserve.LWS_CHART, {})
        self.crds = install(kserve.KSERVE_CRD_CHART, {}, self.cert_manager)
        self.kserve = install(
            kserve.KSERVE_CHART,
            {
                "kserve": {
                    "llmisvc": {
                        "createGIECRDs": False,
                        # Otherwise its webhook refuses to delete the presets, and no destroy ever ends. A preset in use
                        # stays all the same: its finalizer waits for the last service that refers to it.
                        "controller": {"env": [{"name": kserve.PRESET_PROTECTION, "value": "false"}]},
                    },
                    "controller": {
                        "deploymentMode": "Standard",
                        "gateway": {"ingressGateway": {"enableGatewayApi": True, "kserveGateway": args.gateway}},
                    },
                }
            },
            self.crds,
            self.leader_worker_set,
        )
        self.presets = install(
            kserve.KSERVE_PRESETS_CHART,
            {"kserve": {"llmisvcConfigs": {"enabled": True}, "servingruntime": {"enabled": False}}},
            self.kserve,
        )
        self.register_outputs({})
