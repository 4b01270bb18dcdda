"""Which server the endpoint picker chooses."""

from __future__ import annotations

import pytest

from rules import endpoint_picker as known
from sandbox.serving.picker import config
from sandbox.serving.picker.endpoints import Endpoint
from sandbox.serving.picker.scoring import Scheduler
from tests.sandbox.serving.picker_input import PLUGINS, endpoints, scorers, text


def test_the_prefix_scorer_keeps_a_conversation_on_its_server() -> None:
    """Growing prompts with one beginning all go where the beginning went, with score by the part that is known."""
    scheduler = Scheduler(config.load(text()))
    servers = endpoints(4, block_tokens=16, blocks=100, updated=1.0)
    first = scheduler.pick("m", b"a" * 640, servers)
    assert first is not None
    longer = scheduler.pick("m", b"a" * 1280, servers)
    assert longer is not None
    assert longer.endpoint is first.endpoint
    assert longer.matches[first.endpoint.pod] == 10
    assert longer.scores[first.endpoint.pod] == pytest.approx(2 * 10 / 20 + 0.5)
    other = scheduler.pick("another model", b"a" * 1280, servers)
    assert other is not None
    assert not any(other.matches.values())


def test_load_outweighs_cache_only_when_the_queue_is_long() -> None:
    """Weights 2 to 1: half a point of load cannot beat a whole hit, it can beat a small one."""
    scheduler = Scheduler(config.load(text()))
    servers = endpoints(2, block_tokens=16, blocks=1000, updated=1.0)
    first = scheduler.pick("m", b"a" * 64, servers)
    assert first is not None
    first.endpoint.waiting = 128
    whole = scheduler.pick("m", b"a" * 64, servers)
    assert whole is not None
    assert whole.endpoint is first.endpoint
    small = scheduler.pick("m", b"a" * 64 + bytes(range(256)) * 8, servers)
    assert small is not None
    assert small.endpoint is not first.endpoint


def test_the_index_forgets_what_a_server_has_no_room_for() -> None:
    """With autoTune the server's own number of blocks is the limit."""
    scheduler = Scheduler(config.load(text()))
    (server,) = servers = endpoints(1, block_tokens=16, blocks=4, updated=1.0)
    for letter in (b"a", b"b"):
        assert scheduler.pick("m", letter * 256, servers) is not None
    decision = scheduler.pick("m", b"a" * 256, servers)
    assert decision is not None
    assert decision.matches[server.pod] == 0


def test_without_autotune_the_written_block_size_counts() -> None:
    """The trap of two block sizes: the picker sees 64-token blocks where the server caches 16."""
    producer = {"type": "approx-prefix-cache-producer", "parameters": {"autoTune": False, "blockSizeTokens": 64}}
    scheduler = Scheduler(
        config.load(text(plugins=[producer if p["type"] == producer["type"] else p for p in PLUGINS]))
    )
    servers = endpoints(1, block_tokens=16, blocks=100, updated=1.0)
    scheduler.pick("m", b"a" * 512, servers)
    decision = scheduler.pick("m", b"a" * 512, servers)
    assert decision is not None
    assert list(decision.matches.values()) == [2]


@pytest.mark.parametrize(
    ("scorer", "busy"),
    [
        ("queue-scorer", {"waiting": 3}),
        ("load-aware-scorer", {"waiting": 3}),
        ("running-requests-size-scorer", {"running": 3}),
        ("kv-cache-utilization-scorer", {"kv_usage": 0.4}),
        ("active-request-scorer", {"in_flight": 3}),
    ],
)
def test_each_load_scorer_prefers_the_idle_server(scorer: str, busy: dict[str, float]) -> None:
    """Every scorer looks at its own number."""
    scheduler = Scheduler(config.load(scorers((scorer, 1))))
    servers = endpoints(3)
    for server in (servers[0], servers[2]):
        for name, number in busy.items():
            setattr(server, name, number)
    for _ in range(5):
        decision = scheduler.pick("m", b"", servers)
        assert decision is not None
        assert decision.endpoint is servers[1]


def test_cold_prompts_go_round() -> None:
    """no-hit-lru-scorer: prompts that nobody holds grow all caches evenly."""
    scheduler = Scheduler(config.load(scorers(("no-hit-lru-scorer", 2), ("prefix-cache-scorer", 3))))
    servers = endpoints(3, block_tokens=16, blocks=1000, updated=1.0)
    chosen: list[str] = []
    for number in range(6):
        decision = scheduler.pick("m", bytes([number]) * 640, servers)
        assert decision is not None
        chosen.append(decision.endpoint.pod)
    assert sorted(chosen[:3]) == ["pod-0", "pod-1", "pod-2"]
    assert chosen[3:] == chosen[:3]


def test_the_decode_filter_leaves_out_prefill_pods() -> None:
    """A pod without a role takes everything; with prefill pods alone there is no endpoint."""
    scheduler = Scheduler(config.load(text()))
    prefill = Endpoint("p", "127.0.0.1:1", {"llm-d.ai/role": "prefill"})
    plain = Endpoint("d", "127.0.0.1:2", {})
    for _ in range(5):
        decision = scheduler.pick("m", b"x", [prefill, plain])
        assert decision is not None
        assert decision.endpoint is plain
    assert scheduler.pick("m", b"x", [prefill]) is None


@pytest.mark.parametrize("picker", ["random-picker", "weighted-random-picker"])
def test_random_pickers_use_all_servers(picker: str) -> None:
    """Also with a clear favourite, the others get something."""
    profile = {"name": "default", "plugins": [{"pluginRef": "queue-scorer"}, {"pluginRef": picker}]}
    plugins = [{"type": "queue-scorer"}, {"type": picker}]
    scheduler = Scheduler(config.load(text(plugins=plugins, schedulingProfiles=[profile])))
    servers = endpoints(3)
    servers[0].waiting = 1
    servers[1].waiting = 2
    servers[2].waiting = 4
    chosen = {decision.endpoint.pod for _ in range(200) if (decision := scheduler.pick("m", b"", servers))}
    assert {"pod-0", "pod-1"} <= chosen


def test_saturation_counts_servers_without_fresh_metrics_as_full() -> None:
    """200 ms is the limit; one server at its queue limit and one idle are half full."""
    scheduler = Scheduler(config.load(text()))
    assert scheduler.saturation(endpoints(2)) == 1.0
    (server,) = endpoints(1)
    server.updated = 1.0
    plugins = [*PLUGINS, {"type": "utilization-detector", "parameters": {"metricsStalenessThreshold": "100000h"}}]
    patient = Scheduler(config.load(text(plugins=plugins)))
    full, idle = endpoints(2, updated=1.0)
    full.waiting = known.QUEUE_DEPTH_THRESHOLD
    assert patient.saturation([full, idle]) == 0.5
