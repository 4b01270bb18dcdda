"""KServe's route preset without what GKE refuses, for stacks that leave routes to KServe.

Owns one LLMInferenceServiceConfig in the models' namespace: KServe looks there first, so it takes the place of the chart's own
preset of that name, whose 12 rules all carry `timeouts` (GWCER104). Does not own routes: KServe makes them from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.manifests import manifest
from rules import kserve, kserve_config


def route_preset(
    *, namespace: str, gateway: str, section: str, hostnames: Sequence[str], opts: pulumi.ResourceOptions
) -> pulumi.CustomResource:
    """The preset, for routes on listener `section` of a Gateway in the same namespace.

    It passes through KServe's webhook, so `opts` have to make it wait for the controller.
    """
    return manifest(
        kserve.ROUTE_PRESET,
        api_version=kserve.API_VERSION,
        kind=kserve.LLM_INFERENCE_SERVICE_CONFIG,
        name=kserve.ROUTE_PRESET,
        namespace=namespace,
        spec=kserve_config.route_preset(gateway=gateway, section=section, hostnames=hostnames),
        opts=opts,
    )
