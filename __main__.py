"""LLM inference on GKE TPUs: the whole platform, top to bottom."""

from __future__ import annotations

import pulumi

from components import loading, pace, platform

pace.set_pace()
settings = loading.load()

cloud = platform.google_cloud(settings)
services = platform.services(settings, cloud)
network = platform.network(settings, cloud, services)
cluster = platform.cluster(settings, cloud, services, network)
pools = platform.tpu_pools(settings, cloud, cluster)
places = platform.compute_classes(settings, cluster, pools)
namespace = platform.namespace(settings, cluster)
secrets = platform.secrets(settings, cloud, services, cluster, namespace)
controllers = platform.controllers(settings, cloud, services, cluster)
authority = platform.authority(settings, cluster, controllers)
edge = platform.edge(settings, cloud, services, cluster)
gateway = platform.gateway(settings, cloud, network, cluster, namespace, authority, edge)
models = platform.models(settings, cluster, places, gateway, edge, controllers, secrets)
platform.metrics_adapter(settings, cloud, services, cluster)
http_services = platform.http_services(settings, cluster, gateway, edge, secrets)
platform.monitoring(settings, cloud, services, cluster, namespace)

pulumi.export("cluster", cluster.cluster.name)
pulumi.export("gatewayAddress", gateway.address.address)
pulumi.export("models", {name: pulumi.Output.concat(gateway.url, model.path) for name, model in models.items()})
pulumi.export("services", {name: pulumi.Output.concat(gateway.url, http.path) for name, http in http_services.items()})
pulumi.export("kubeconfig", cluster.kubeconfig)
