"""cert-manager, LeaderWorkerSet and KServe: the controllers that turn an LLMInferenceService into running servers.

Owns their pinned Helm releases and the order that KServe needs: cert-manager issues the webhook's certificate, so it comes
first; KServe looks for LeaderWorkerSet's and the Gateway's API only when it starts, and never watches what it does not find
then, so these come second; then KServe's CRDs, its controller, and last the presets, which pass through the controller's
webhook and are refused while it does not answer. Each release is awaited, and that is the guard: the controller's pod needs the
webhook's certificate to start at all, its webhook starts with it, and by the chart's readiness probe it counts as Ready 30 s
later at the earliest. Does not own the Gateway API's CRDs: that GKE has installed them is known once a Gateway could be made. Nor
the InferencePool CRD: GKE installs and reconciles it too (from 1.34.0-gke.1626000), so KServe's chart is told to leave it alone.
The chart's other two CRDs, InferenceObjective and InferenceModelRewrite, go with it; endpoint pickers do without them.
KServe's ConfigMap is ours instead of the chart's: `rules/kserve_config.py` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from components.charts import Release, release
from components.manifests import manifest
from components.namespace import controller_namespace
from components.secrets import PullSecretsArgs, pull_secrets, shown
from rules import kserve, kserve_config, product_images


@dataclass(frozen=True, kw_only=True)
class InferenceControllersArgs:
    """Arguments of InferenceControllers.

    Attributes:
        mirror: A folder or oci:// prefix that holds the charts, instead of their publishers' registries.
        gateway: NAMESPACE/NAME of the Gateway that routes refer to.
        https: Whether that Gateway encrypts.
        backend_tls: Whether servers and endpoint pickers speak TLS.
        version: Release of KServe's charts.
        images: Repositories to take images from instead of their publishers', by the publisher's.
        pull: Credentials with which their pods are pulled; None for none.
    """

    mirror: str | None
    gateway: str
    https: bool
    backend_tls: bool = False
    version: str = kserve.KSERVE_VERSION
    images: Mapping[str, str] = field(default_factory=dict[str, str])
    pull: PullSecretsArgs | None = None


class InferenceControllers(pulumi.ComponentResource):
    """Everything that has to run in the cluster before a model can be declared.

    KServe itself comes with `serve`: a Gateway may need a certificate that cert-manager issues, and KServe needs the Gateway.
    """

    cert_manager: Release
    leader_worker_set: Release
    crds: Release
    configuration: pulumi.CustomResource

    def __init__(self, name: str, args: InferenceControllersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:InferenceControllers", name, shown(args), opts)

        namespaces = {
            chart.namespace: controller_namespace(chart.namespace, webhook_ports=kserve.WEBHOOK_PORTS, parent=self)
            for chart in (kserve.CERT_MANAGER_CHART, kserve.LWS_CHART, kserve.KSERVE_CHART)
        }
        credentials = {
            place: pull_secrets(args.pull, place, parent=self, after=made) for place, made in namespaces.items()
        }
        self._args, self._namespaces, self._credentials = args, namespaces, credentials

        self.cert_manager = self._install(kserve.CERT_MANAGER_CHART, cert_manager_values(args))
        self.leader_worker_set = self._install(kserve.LWS_CHART, lws_values(args))
        self.crds = self._install(at(kserve.KSERVE_CRD_CHART, args.version), {}, self.cert_manager)
        self.configuration = manifest(
            kserve.INFERENCE_SERVICE_CONFIG_MAP,
            api_version="v1",
            kind="ConfigMap",
            name=kserve.INFERENCE_SERVICE_CONFIG_MAP,
            namespace=kserve.SYSTEM_NAMESPACE,
            fields={
                "data": kserve_config.inference_service_config(
                    gateway=args.gateway,
                    https=args.https,
                    backend_tls=args.backend_tls,
                    storage_image=f"{storage_repository(args.images)}:{args.version}",
                )
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[namespaces[kserve.SYSTEM_NAMESPACE]]),
        )
        self.register_outputs({})

    def serve(self, gateway: pulumi.Resource) -> Release:
        """Installs KServe once `gateway` is there; returns the presets, which a model waits for."""
        controller = self._install(
            at(kserve.KSERVE_CHART, self._args.version),
            kserve_values(self._args),
            self.configuration,
            self.crds,
            self.leader_worker_set,
            gateway,
        )
        return self._install(
            at(kserve.KSERVE_PRESETS_CHART, self._args.version),
            {"kserve": {"llmisvcConfigs": {"enabled": True}, "servingruntime": {"enabled": False}}},
            controller,
        )

    def _install(self, chart: kserve.Chart, values: dict[str, object], *after: pulumi.Resource) -> Release:
        return release(
            chart,
            mirror=self._args.mirror,
            values=values,
            namespace=self._namespaces[chart.namespace],
            parent=self,
            depends_on=[*after, *self._credentials[chart.namespace]],
        )


def at(chart: kserve.Chart, version: str) -> kserve.Chart:
    """The chart in that version."""
    return replace(chart, version=version)


def storage_repository(images: Mapping[str, str]) -> str:
    """Where the init container that loads weights comes from."""
    upstream = product_images.STORAGE_INITIALIZER
    return images.get(upstream, upstream.removeprefix("docker.io/"))


def cert_manager_values(args: InferenceControllersArgs) -> dict[str, Any]:
    """Values of cert-manager's chart."""
    return {"crds": {"enabled": True}, **_pulled(kserve.CERT_MANAGER_CHART, args)}


def lws_values(args: InferenceControllersArgs) -> dict[str, Any]:
    """Values of LeaderWorkerSet's chart."""
    values = _pulled(kserve.LWS_CHART, args)
    manager = values.setdefault("image", {}).setdefault("manager", {})
    manager |= {"tag": product_images.LWS_TAG, "pullPolicy": "IfNotPresent"}
    return values


def kserve_values(args: InferenceControllersArgs) -> dict[str, Any]:
    """Values of KServe's chart."""
    pulled: dict[str, Any] = _pulled(kserve.KSERVE_CHART, args).get("kserve", {})
    controller: dict[str, Any] = {
        # Otherwise its webhook refuses to delete the presets, and no destroy ever ends. A preset in use stays all the same:
        # its finalizer waits for the last service that refers to it.
        "env": [{"name": kserve.PRESET_PROTECTION, "value": "false"}],
        **pulled.get("llmisvc", {}).get("controller", {}),
    }
    own = {**kserve_config.SHARED_CHART_VALUES, "llmisvc": {"createGIECRDs": False, "controller": controller}}
    return {"kserve": {**pulled, **own}}


def _pulled(chart: kserve.Chart, args: InferenceControllersArgs) -> dict[str, Any]:
    """Where the chart's images come from, and with which Secrets."""
    return product_images.chart_values(chart.name, args.images, args.pull.names if args.pull else ())
