"""LLM inference on GKE TPUs: the whole platform, top to bottom."""

from __future__ import annotations

import pulumi

from components import loading, platform

settings = loading.load()

cloud = platform.google_cloud(settings)
services = platform.services(settings, cloud)
network = platform.network(settings, cloud, services)
cluster = platform.cluster(settings, cloud, services, network)
pools = platform.tpu_pools(settings, cloud, cluster)
gateway = platform.gateway(settings, cloud, network, cluster)
controllers = platform.controllers(settings, cluster)
models = platform.models(settings, cluster, pools, gateway, controllers)

pulumi.export("cluster", cluster.cluster.name)
pulumi.export("gatewayAddress", gateway.address.address)
pulumi.export("models", {name: pulumi.Output.concat(gateway.url, model.path) for name, model in models.items()})
pulumi.export("kubeconfig", cluster.kubeconfig)
