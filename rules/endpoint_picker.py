"""The endpoint picker's configuration, as the image that KServe pins reads it.

Owns names of plugins and of their parameters, defaults, and what the picker or KServe does with a wrong one. Does not own
ports and names of its objects (`kserve.py`).
Sources: llm-d/llm-d-router v0.9.0 (deploy/config, pkg/epp; KServe v0.20.0 pins this image) and the code it took over from
kubernetes-sigs/gateway-api-inference-extension v1.5.0 (apix/config/v1alpha1, pkg/epp/config/loader, pkg/epp/framework/plugins);
kserve/kserve v0.20.0 (llmisvc/scheduler.go), all of 2026-08. An operator's report of 2026-02 has the weights, the number of
blocks, and the limits of saturation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from rules.finding import Finding

IMAGE_VERSION: Final = "v0.9.0"
"""Tag of ghcr.io/llm-d/llm-d-router-endpoint-picker in KServe v0.20.0's preset."""
CONFIG_KIND: Final = "EndpointPickerConfig"
CONFIG_API_VERSION: Final = "llm-d.ai/v1alpha1"
CONFIG_API_VERSIONS: Final = (CONFIG_API_VERSION, "inference.networking.x-k8s.io/v1alpha1")
"""What the image decodes; the second is the old name of the first, which KServe's own default still uses."""

FIELDS: Final = frozenset(
    {
        "apiVersion",
        "kind",
        "featureGates",
        "plugins",
        "schedulingProfiles",
        "saturationDetector",
        "dataLayer",
        "flowControl",
        "parser",
        "requestHandler",
    }
)
"""Top-level fields. The picker decodes strictly: any other one ends it at start."""
PLUGIN_FIELDS: Final = frozenset({"name", "type", "parameters"})
PROFILE_FIELDS: Final = frozenset({"name", "plugins"})
PROFILE_PLUGIN_FIELDS: Final = frozenset({"pluginRef", "weight"})

SINGLE_PROFILE_HANDLER: Final = "single-profile-handler"
PREFIX_PRODUCER: Final = "approx-prefix-cache-producer"
PREFIX_SCORER: Final = "prefix-cache-scorer"
LOAD_SCORER: Final = "load-aware-scorer"
LORA_SCORER: Final = "lora-affinity-scorer"
SATURATION_DETECTOR: Final = "utilization-detector"
"""The saturation detector that is used where none is named; its parameters are those of the plugin of this type."""
MAX_SCORE_PICKER: Final = "max-score-picker"
PROFILE: Final = "default"

Role = Literal["handler", "producer", "scorer", "filter", "picker", "detector", "other"]


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """What is known of a plugin type: its place and the parameters it decodes; None is not known."""

    role: Role
    parameters: frozenset[str] | None = None


PLUGINS: Final[Mapping[str, Plugin]] = {
    SINGLE_PROFILE_HANDLER: Plugin(role="handler", parameters=frozenset()),
    "disagg-profile-handler": Plugin(role="handler"),
    "disagg-headers-handler": Plugin(role="other"),
    PREFIX_PRODUCER: Plugin(
        role="producer",
        parameters=frozenset(
            {
                "autoTune",
                "blockSizeTokens",
                "blockSize",
                "maxPrefixBlocksToMatch",
                "maxPrefixTokensToMatch",
                "lruCapacityPerServer",
            }
        ),
    ),
    "precise-prefix-cache-producer": Plugin(role="producer"),
    "inflight-load-producer": Plugin(role="producer"),
    "predicted-latency-producer": Plugin(role="producer"),
    "token-producer": Plugin(role="producer"),
    PREFIX_SCORER: Plugin(role="scorer", parameters=frozenset({"prefixMatchInfoProducerName"})),
    "precise-prefix-cache-scorer": Plugin(role="scorer"),
    LOAD_SCORER: Plugin(role="scorer", parameters=frozenset({"threshold"})),
    LORA_SCORER: Plugin(role="scorer"),
    "queue-scorer": Plugin(role="scorer"),
    "kv-cache-utilization-scorer": Plugin(role="scorer"),
    "active-request-scorer": Plugin(role="scorer"),
    "running-requests-size-scorer": Plugin(role="scorer"),
    "no-hit-lru-scorer": Plugin(role="scorer"),
    "session-affinity-scorer": Plugin(role="scorer"),
    "token-load-scorer": Plugin(role="scorer"),
    "latency-scorer": Plugin(role="scorer"),
    "decode-filter": Plugin(role="filter"),
    "prefill-filter": Plugin(role="filter"),
    "encode-filter": Plugin(role="filter"),
    "by-label": Plugin(role="filter"),
    "by-label-selector": Plugin(role="filter"),
    "label-selector-filter": Plugin(role="filter"),
    "prefix-cache-affinity-filter": Plugin(role="filter"),
    "slo-headroom-tier-filter": Plugin(role="filter"),
    MAX_SCORE_PICKER: Plugin(role="picker"),
    "random-picker": Plugin(role="picker"),
    "weighted-random-picker": Plugin(role="picker"),
    SATURATION_DETECTOR: Plugin(
        role="detector",
        parameters=frozenset({"queueDepthThreshold", "kvCacheUtilThreshold", "metricsStalenessThreshold", "headroom"}),
    ),
    "concurrency-detector": Plugin(role="detector"),
    "prefix-based-pd-decider": Plugin(role="other"),
    "always-disagg-pd-decider": Plugin(role="other"),
    "metrics-data-source": Plugin(role="other"),
    "core-metrics-extractor": Plugin(role="other"),
    "openai-parser": Plugin(role="other"),
    "fcfs-ordering-policy": Plugin(role="other"),
    "edf-ordering-policy": Plugin(role="other"),
    "slo-deadline-ordering-policy": Plugin(role="other"),
    "round-robin-fairness-policy": Plugin(role="other"),
    "global-strict-fairness-policy": Plugin(role="other"),
    "static-usage-limit-policy": Plugin(role="other"),
    "latency-slo-admitter": Plugin(role="other"),
}
"""Plugin types by name. A name that is not here may exist in other versions of the picker, so it is reported as uncertain."""

PREFIX_WEIGHT: Final = 2.0
LOAD_WEIGHT: Final = 1.0
"""Weights of prefix cache against load with which three servers behaved as wanted (operator, 2026-02-12)."""
LORA_WEIGHT: Final = 4.0
"""Weight that KServe's own configuration gives to keeping an adapter's requests together."""
MAX_PREFIX_BLOCKS: Final = 256
LRU_CAPACITY_PER_SERVER: Final = 31250
"""Both are defaults of the inference extension: 31 250 blocks of 16 tokens are the 500 000 tokens that an 8B model leaves room
for on 80 GB, halved."""
LOAD_THRESHOLD: Final = 128
"""Waiting requests at which the load-aware scorer gives a server nothing."""
QUEUE_DEPTH_THRESHOLD: Final = 5
KV_CACHE_UTILIZATION_THRESHOLD: Final = 0.8
METRICS_STALENESS_MILLISECONDS: Final = 200
"""Defaults of the utilization detector, which the operator's report confirms."""

REQUEST_CPU: Final = "1"
REQUEST_MEMORY: Final = "2Gi"
LIMIT_CPU: Final = "6"
LIMIT_MEMORY: Final = "16Gi"
"""Resources of the picker in KServe's preset."""


def producer_parameters(*, block_size: int, blocks: int, capacity: int, auto_tune: bool) -> dict[str, Any]:
    """Parameters of the prefix producer: `blocks` of `block_size` tokens each, `capacity` blocks a server.

    Both limits of the prefix are written. The image takes the one in tokens where it is positive, as its default is in newer
    versions, and the one in blocks then counts for nothing. With `auto_tune` it replaces block size and capacity by what each
    server's metrics say.
    """
    return {
        "autoTune": auto_tune,
        "blockSizeTokens": block_size,
        "maxPrefixBlocksToMatch": blocks,
        "maxPrefixTokensToMatch": blocks * block_size,
        "lruCapacityPerServer": capacity,
    }


def check_config(config: Mapping[str, Any], path: str = "config") -> list[Finding]:
    """What ends the picker at start, or does nothing although it is written; the paths are below `path`."""
    findings = _check_header(config, path)
    declared: dict[str, str] = {}
    for index, plugin in enumerate(_mappings(config.get("plugins"))):
        where = f"{path}.plugins[{index}]"
        findings += _unknown(plugin, PLUGIN_FIELDS, where)
        type_ = plugin.get("type")
        if not isinstance(type_, str):
            continue
        name = plugin.get("name")
        declared[name if isinstance(name, str) and name else type_] = type_
        findings += _check_plugin(type_, plugin.get("parameters"), where)
    for index, profile in enumerate(_mappings(config.get("schedulingProfiles"))):
        where = f"{path}.schedulingProfiles[{index}]"
        findings += _unknown(profile, PROFILE_FIELDS, where)
        findings += _check_profile(profile, declared, where)
    return findings


def check_block_size(configured: int, served: int, path: str) -> list[Finding]:
    """Whether the picker cuts prompts into the blocks that the servers cache, both in tokens."""
    if configured == served:
        return []
    return [
        Finding(
            path=path,
            value=configured,
            reason=f"the servers cache blocks of {served} tokens, so the picker's idea of what they hold is wrong and requests "
            "go to servers that have not cached their prefix",
            remedy=f"Write {served}, or start the servers with --block-size={configured}.",
            rule="block-size",
        )
    ]


def _check_header(config: Mapping[str, Any], path: str) -> list[Finding]:
    findings = _unknown(config, FIELDS, path)
    version, kind = config.get("apiVersion"), config.get("kind")
    if isinstance(version, str) and version not in CONFIG_API_VERSIONS:
        findings.append(_fatal(f"{path}.apiVersion", version, "it decodes no such version", CONFIG_API_VERSION))
    if isinstance(kind, str) and kind != CONFIG_KIND:
        findings.append(_fatal(f"{path}.kind", kind, "it decodes no such kind", CONFIG_KIND))
    return findings


def _check_plugin(type_: str, parameters: object, where: str) -> list[Finding]:
    known = PLUGINS.get(type_)
    if known is None:
        return [
            Finding(
                path=f"{where}.type",
                value=type_,
                reason=f"the endpoint picker {IMAGE_VERSION} is not known to have this plugin; if it has not, it ends at start",
                remedy="Write the name of a plugin of that version.",
                rule="plugin",
                certain=False,
            )
        ]
    if known.parameters is None or not isinstance(parameters, Mapping):
        return []
    written = cast("Mapping[str, Any]", parameters)
    findings: list[Finding] = []
    for name in sorted(written.keys() - known.parameters):
        moved = type_ == PREFIX_SCORER and name in (PLUGINS[PREFIX_PRODUCER].parameters or ())
        findings.append(
            Finding(
                path=f"{where}.parameters.{name}",
                value=written[name],
                reason="KServe 0.20 removes it from this plugin before the picker reads it, so it changes nothing"
                if moved
                else f"{type_} has no such parameter in {IMAGE_VERSION}: the picker ends at start and the pool fails open",
                remedy=f"Write it as a parameter of {PREFIX_PRODUCER}."
                if moved
                else f"Write one of {', '.join(sorted(known.parameters)) or 'none'}.",
                rule="parameter",
            )
        )
    return findings


def _check_profile(profile: Mapping[str, Any], declared: Mapping[str, str], where: str) -> list[Finding]:
    findings: list[Finding] = []
    for index, entry in enumerate(_mappings(profile.get("plugins"))):
        here = f"{where}.plugins[{index}]"
        findings += _unknown(entry, PROFILE_PLUGIN_FIELDS, here)
        name = entry.get("pluginRef")
        if not isinstance(name, str):
            continue
        if name not in declared:
            findings.append(
                _fatal(f"{here}.pluginRef", name, "no plugin of that name is declared", "the name of one of `plugins`")
            )
            continue
        role = PLUGINS[declared[name]].role if declared[name] in PLUGINS else "other"
        if role in {"producer", "detector"}:
            reason = f"{declared[name]} is no filter, scorer or picker"
            findings.append(_fatal(f"{here}.pluginRef", name, reason, "it under `plugins` alone"))
    return findings


def _unknown(section: Mapping[str, Any], known: frozenset[str], where: str) -> list[Finding]:
    return [
        _fatal(
            f"{where}.{name}", section[name], "it decodes strictly and knows no such field", ", ".join(sorted(known))
        )
        for name in sorted(section.keys() - known)
    ]


def _fatal(path: str, value: object, reason: str, instead: str) -> Finding:
    shown = value if isinstance(value, (str, int, float)) else "set"
    return Finding(
        path=path,
        value=shown,
        reason=f"{reason}: the endpoint picker ends at start, and requests are spread without looking at load or cache",
        remedy=f"Write {instead}.",
        rule="strict",
    )


def _mappings(value: object) -> list[Mapping[str, Any]]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    entries = cast("Sequence[object]", value)
    return [cast("Mapping[str, Any]", entry) for entry in entries if isinstance(entry, Mapping)]
