"""The platform's own components as far as the node pools: nothing here needs a Kubernetes API to answer."""

from __future__ import annotations

import pulumi

from components import loading, platform

settings = loading.load()

cloud = platform.google_cloud(settings)
services = platform.services(settings, cloud)
network = platform.network(settings, cloud, services)
cluster = platform.cluster(settings, cloud, services, network)
platform.tpu_pools(settings, cloud, cluster)

pulumi.export("endpoint", cluster.cluster.endpoint)
