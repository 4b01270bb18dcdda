"""Filters, scorers and pickers: which server gets a request.

Owns one scheduling decision, in the real picker's order: filters, then each scorer's 0 to 1 times its weight, then the picker.
Does not own metrics (`endpoints`) nor the belief about caches (`prefix`). Sources of the formulas: llm-d/llm-d-router
(pkg/epp/framework/plugins/scheduling, 2026-08) and kubernetes-sigs/gateway-api-inference-extension v1.5.0.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rules import endpoint_picker as known
from rules.endpoint_picker_flags import DECODE_ROLES, NO_HIT_LRU_SIZE, PREFILL_ROLES, ROLE_LABEL
from sandbox.serving.picker.config import Config, Plugin, Profile
from sandbox.serving.picker.endpoints import Endpoint
from sandbox.serving.picker.flags import seconds
from sandbox.serving.picker.prefix import PrefixIndex


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Where a request goes, and why."""

    endpoint: Endpoint
    scores: Mapping[str, float]
    matches: Mapping[str, int]
    saturation: float


@dataclass
class Scheduler:
    """One picker's state. The same requests at the same state get the same servers: ties fall by a seeded generator."""

    config: Config
    seed: str = ""
    _cold: OrderedDict[str, None] = field(default_factory=OrderedDict[str, None])

    def __post_init__(self) -> None:
        scorer = self.config.first(known.PREFIX_SCORER)
        producer = self.config.first(known.PREFIX_PRODUCER)
        wanted = producer is not None or scorer is not None or self.config.first("no-hit-lru-scorer") is not None
        self.prefix = PrefixIndex(producer.parameters if producer else {}) if wanted else None
        self._random = random.Random(self.seed)  # noqa: S311 - ties, no secrets

    def pick(self, model: str, prompt: bytes, endpoints: Sequence[Endpoint]) -> Decision | None:
        """A server for this request, None when the filters leave none. Notes the decision for the next ones."""
        hashes = self.prefix.hashes(model, prompt, endpoints) if self.prefix else []
        matches = self.prefix.matches(hashes, endpoints) if self.prefix else {}
        profile = next((p for p in self.config.profiles if p.name == "decode"), self.config.profiles[0])
        left = [endpoint for endpoint in endpoints if all(_passes(plugin, endpoint) for plugin in profile.filters)]
        if not left:
            return None
        scores = self._scores(profile, left, matches, len(hashes))
        chosen = self._choose(profile.picker, left, scores)
        if self.prefix:
            self.prefix.record(hashes, chosen)
        if not any(matches.values()):
            self._cold[chosen.pod] = None
            self._cold.move_to_end(chosen.pod)
            while len(self._cold) > NO_HIT_LRU_SIZE:
                self._cold.popitem(last=False)
        return Decision(endpoint=chosen, scores=scores, matches=matches, saturation=self.saturation(endpoints))

    def saturation(self, endpoints: Sequence[Endpoint]) -> float:
        """How full the servers are, as utilization-detector says: the mean of each one's tighter limit; 1 is full."""
        detector = self.config.first(known.SATURATION_DETECTOR)
        parameters = detector.parameters if detector else {}
        queue = float(parameters.get("queueDepthThreshold", known.QUEUE_DEPTH_THRESHOLD))
        cache = float(parameters.get("kvCacheUtilThreshold", known.KV_CACHE_UTILIZATION_THRESHOLD))
        stale = seconds(str(parameters.get("metricsStalenessThreshold", f"{known.METRICS_STALENESS_MILLISECONDS}ms")))
        if not endpoints:
            return 1.0
        return sum(
            1.0 if endpoint.age() > stale else max(endpoint.waiting / queue, endpoint.kv_usage / cache)
            for endpoint in endpoints
        ) / len(endpoints)

    def _scores(
        self, profile: Profile, endpoints: Sequence[Endpoint], matches: Mapping[str, int], total: int
    ) -> dict[str, float]:
        sums = {endpoint.pod: 0.0 for endpoint in endpoints}
        for plugin, weight in profile.scorers:
            for endpoint, score in zip(endpoints, self._score(plugin, endpoints, matches, total), strict=True):
                sums[endpoint.pod] += min(max(score, 0.0), 1.0) * weight
        return sums

    def _score(
        self, plugin: Plugin, endpoints: Sequence[Endpoint], matches: Mapping[str, int], total: int
    ) -> list[float]:
        """One scorer's values, in the order of the endpoints."""
        if plugin.type == known.PREFIX_SCORER:
            return [matches.get(endpoint.pod, 0) / total if total else 0.0 for endpoint in endpoints]
        if plugin.type == "no-hit-lru-scorer":
            return self._no_hit(endpoints, matches)
        by_load = _BY_LOAD.get(plugin.type)
        return by_load(plugin, endpoints) if by_load else [0.0] * len(endpoints)

    def _no_hit(self, endpoints: Sequence[Endpoint], matches: Mapping[str, int]) -> list[float]:
        """For a prompt that nobody holds: the server that got such a prompt longest ago, so that caches grow evenly."""
        if any(matches.values()):
            return [0.5] * len(endpoints)
        if len(endpoints) == 1:
            return [1.0]
        order = list(self._cold)
        fresh = [endpoint.pod for endpoint in endpoints if endpoint.pod not in self._cold]
        ranks = [
            fresh.index(endpoint.pod) if endpoint.pod in fresh else len(fresh) + order.index(endpoint.pod)
            for endpoint in endpoints
        ]
        return [1 - rank / (len(endpoints) - 1) for rank in ranks]

    def _choose(self, picker: Plugin, endpoints: Sequence[Endpoint], scores: Mapping[str, float]) -> Endpoint:
        weights = [scores[endpoint.pod] for endpoint in endpoints]
        if picker.type == "random-picker" or (picker.type == "weighted-random-picker" and not any(weights)):
            return self._random.choice(endpoints)
        if picker.type == "weighted-random-picker":
            return self._random.choices(endpoints, weights)[0]
        best = max(weights)
        return self._random.choice([e for e, weight in zip(endpoints, weights, strict=True) if weight == best])


def _passes(plugin: Plugin, endpoint: Endpoint) -> bool:
    role = endpoint.labels.get(ROLE_LABEL)
    if plugin.type == "decode-filter":
        return role is None or role in DECODE_ROLES
    if plugin.type == "prefill-filter":
        return role in PREFILL_ROLES
    return True


def _least(values: Sequence[int]) -> list[float]:
    """1 for the smallest, 0 for the largest; 1 for all where they are equal."""
    low, high = min(values), max(values)
    return [1.0 if high == low else (high - value) / (high - low) for value in values]


def _load_aware(plugin: Plugin, endpoints: Sequence[Endpoint]) -> list[float]:
    """Half a point without a queue, less with each request that waits, none at the threshold."""
    threshold = max(int(plugin.parameters.get("threshold", known.LOAD_THRESHOLD)), 0) or known.LOAD_THRESHOLD
    return [0.5 * (1 - min(endpoint.waiting, threshold) / threshold) for endpoint in endpoints]


def _active(plugin: Plugin, endpoints: Sequence[Endpoint]) -> list[float]:
    """1 for idle servers, less for each request in flight."""
    idle = int(plugin.parameters.get("idleThreshold", 0))
    busy = float(plugin.parameters.get("maxBusyScore", 1.0))
    most = max(endpoint.in_flight for endpoint in endpoints)
    return [1.0 if e.in_flight <= idle else (most - e.in_flight) / most * busy for e in endpoints]


_BY_LOAD: Final[Mapping[str, Callable[[Plugin, Sequence[Endpoint]], list[float]]]] = {
    known.LOAD_SCORER: _load_aware,
    "active-request-scorer": _active,
    "queue-scorer": lambda _, endpoints: _least([endpoint.waiting for endpoint in endpoints]),
    "running-requests-size-scorer": lambda _, endpoints: _least([endpoint.running for endpoint in endpoints]),
    "kv-cache-utilization-scorer": lambda _, endpoints: [1 - endpoint.kv_usage for endpoint in endpoints],
}

IMPLEMENTED: Final = frozenset(
    {
        *_BY_LOAD,
        *(known.PREFIX_SCORER, "no-hit-lru-scorer", "decode-filter", "prefill-filter"),
        *(known.MAX_SCORE_PICKER, "random-picker", "weighted-random-picker"),
    }
)
"""Plugins of profiles that do here what they do there; other known ones are accepted and do nothing."""
