"""The endpoint picker of a model: which server gets a request.

Owns its configuration and its share of the LLMInferenceService's spec. Does not own its Deployment, Service and InferencePool:
KServe makes them. The configuration is handed over inline, as the pinned image decodes it, and its block size is the servers'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from components.settings.model_routing import EndpointPicker
from rules import endpoint_picker as rules
from rules import kserve


def scheduler(
    wanted: EndpointPicker | None,
    *,
    image: str,
    block_size: int,
    grace_seconds: int,
    lora: bool,
    pull_secrets: Sequence[str] = (),
) -> dict[str, Any]:
    """`spec.router.scheduler`. Without settings KServe's own mixture of scorers stays.

    Args:
        wanted: The settings; none for KServe's defaults.
        image: The picker's image.
        block_size: Tokens of the servers' KV cache blocks.
        grace_seconds: The servers' grace period, which the picker must outlive: it is what finds them while they finish.
        lora: Whether adapters are served, which the picker then keeps together.
        pull_secrets: Names of Secrets with which the image is pulled.
    """
    container: dict[str, Any] = {"name": kserve.SERVER_CONTAINER, "image": image}
    template: dict[str, Any] = {"terminationGracePeriodSeconds": grace_seconds, "containers": [container]}
    if pull_secrets:
        template["imagePullSecrets"] = [{"name": secret} for secret in pull_secrets]
    spec: dict[str, Any] = {"template": template}
    if wanted is None:
        return spec
    container["resources"] = {
        "requests": {"cpu": wanted.cpu, "memory": wanted.memory},
        "limits": {"cpu": rules.LIMIT_CPU, "memory": rules.LIMIT_MEMORY},
    }
    spec["config"] = {"inline": configuration(wanted, block_size=block_size, lora=lora)}
    if wanted.replicas > 1:
        spec["replicas"] = wanted.replicas
    return spec


def configuration(wanted: EndpointPicker, *, block_size: int, lora: bool = False) -> dict[str, Any]:
    """The EndpointPickerConfig: prefix cache against load, and when a server is saturated."""
    scorers = [(rules.PREFIX_SCORER, wanted.prefix_cache_weight), (rules.LOAD_SCORER, wanted.load_weight)]
    plugins: list[dict[str, Any]] = [
        {"type": rules.SINGLE_PROFILE_HANDLER},
        {
            "type": rules.PREFIX_PRODUCER,
            "parameters": rules.producer_parameters(
                block_size=block_size,
                blocks=wanted.max_prefix_blocks,
                capacity=wanted.lru_capacity_per_server,
                auto_tune=wanted.auto_tune,
            ),
        },
        {"type": rules.PREFIX_SCORER},
        {"type": rules.LOAD_SCORER, "parameters": {"threshold": wanted.load_threshold}},
        {
            # The detector that is used where the configuration names none: its name is that of its type.
            "type": rules.SATURATION_DETECTOR,
            "parameters": {
                "queueDepthThreshold": wanted.queue_depth_threshold,
                "kvCacheUtilThreshold": wanted.kv_cache_utilization_threshold,
                "metricsStalenessThreshold": f"{wanted.metrics_staleness_milliseconds}ms",
            },
        },
        {"type": rules.MAX_SCORE_PICKER},
    ]
    if lora:
        plugins.append({"type": rules.LORA_SCORER})
        scorers.append((rules.LORA_SCORER, rules.LORA_WEIGHT))
    chosen: list[dict[str, Any]] = [{"pluginRef": name, "weight": weight} for name, weight in scorers]
    return {
        "apiVersion": rules.CONFIG_API_VERSION,
        "kind": rules.CONFIG_KIND,
        "plugins": plugins,
        "schedulingProfiles": [
            {"name": rules.PROFILE, "plugins": [*chosen, {"pluginRef": rules.MAX_SCORE_PICKER}]},
        ],
    }
