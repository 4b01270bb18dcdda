"""The stand-in endpoint picker: strict configuration, the health service, and where requests go."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest

from rules import endpoint_picker as known
from sandbox.cluster.proc import free_ports
from sandbox.serving.picker import config, flags, health
from sandbox.serving.picker.endpoints import Endpoint
from sandbox.serving.picker.scoring import Scheduler
from tests.sandbox.serving.conftest import Running, Start
from tests.sandbox.support import eventually

POOL = ["--pool-name", "pool", "--pool-namespace", "models", "--zap-encoder", "json", "", ""]
PLUGINS: list[dict[str, Any]] = [
    {"type": "single-profile-handler"},
    {"type": "decode-filter"},
    {"type": "approx-prefix-cache-producer", "parameters": {"maxPrefixBlocksToMatch": 256}},
    {"type": "prefix-cache-scorer"},
    {"type": "load-aware-scorer"},
    {"type": "max-score-picker"},
]
PROFILE: dict[str, Any] = {
    "name": "default",
    "plugins": [
        {"pluginRef": "decode-filter"},
        {"pluginRef": "prefix-cache-scorer", "weight": 2},
        {"pluginRef": "load-aware-scorer", "weight": 1},
        {"pluginRef": "max-score-picker"},
    ],
}


def text(**changes: object) -> str:
    """A configuration as KServe hands it over."""
    base = {
        "apiVersion": known.CONFIG_API_VERSION,
        "kind": known.CONFIG_KIND,
        "plugins": PLUGINS,
        "schedulingProfiles": [PROFILE],
    }
    return json.dumps({**base, **changes})


def scorers(*entries: tuple[str, float]) -> str:
    """A configuration with these scorers alone."""
    plugins = [{"type": name} for name, _ in entries]
    profile = {"name": "default", "plugins": [{"pluginRef": name, "weight": weight} for name, weight in entries]}
    return text(plugins=plugins, schedulingProfiles=[profile])


def endpoints(count: int, **metrics: object) -> list[Endpoint]:
    """Servers that all say the same of themselves."""
    return [Endpoint(f"pod-{number}", f"127.0.0.1:{number}", {}, **metrics) for number in range(count)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"scheduling": []}, 'strict decoding error: unknown field "scheduling"'),
        ({"plugins": [{"type": "prefix-scorer"}]}, "plugin type 'prefix-scorer' is not registered"),
        ({"plugins": [{"type": "queue-scorer", "weight": 1}]}, 'unknown field "plugins[0].weight"'),
        ({"plugins": [{"name": "x"}]}, "plugin 'x' is missing a type"),
        ({"plugins": [{"type": "queue-scorer"}, {"type": "queue-scorer"}]}, "duplicate plugin name 'queue-scorer'"),
        (
            {"plugins": [{"type": "load-aware-scorer", "parameters": {"treshold": 1}}]},
            "failed to create plugin 'load-aware-scorer' (type: load-aware-scorer): json: unknown field \"treshold\"",
        ),
        ({"plugins": []}, "schedulingProfiles[default] references undefined plugin 'decode-filter'"),
        ({"schedulingProfiles": [{"plugins": []}]}, "schedulingProfiles[0] is missing a name"),
        ({"schedulingProfiles": [PROFILE, PROFILE]}, "has duplicate name 'default'"),
        ({"kind": "Config"}, 'no kind "Config" is registered'),
        ({"apiVersion": "v1"}, 'for version "v1"'),
        ({"saturationDetector": {"pluginRef": "mine"}}, "saturation detector references undefined plugin 'mine'"),
        ({"plugins": "none"}, "cannot unmarshal field EndpointPickerConfig.plugins"),
    ],
)
def test_a_configuration_is_decoded_strictly(changed: dict[str, object], says: str) -> None:
    """A misspelt field ends the picker; the pool then fails open and nobody routes by cache."""
    with pytest.raises(config.ConfigError) as caught:
        config.load(text(**changed))
    assert says in str(caught.value)


def test_kserves_own_default_is_accepted() -> None:
    """YAML with the old API group, as KServe 0.20 writes it where a service configures nothing."""
    loaded = config.load("""
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: single-profile-handler
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: no-hit-lru-scorer
- type: max-score-picker
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: queue-scorer
    weight: 2
  - pluginRef: kv-cache-utilization-scorer
    weight: 2
  - pluginRef: prefix-cache-scorer
    weight: 3
  - pluginRef: no-hit-lru-scorer
    weight: 2
  - pluginRef: max-score-picker
""")
    assert [(plugin.type, weight) for plugin, weight in loaded.profiles[0].scorers][2] == ("prefix-cache-scorer", 3.0)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--pool-nam=x"], 2, "unknown flag: --pool-nam"),
        (["--kv-cache-usage-percentage-metric=x", "--pool-name=p"], 1, "is deprecated and cannot be used"),
        ([], 1, "either pool-name or endpoint-selector must be set"),
        (["--pool-name=p", "--config-text=a", "--config-file=b"], 1, "can not be set at the same time"),
        (["--pool-name=p", "--config-file=/nowhere"], 1, "failed to load config from a file '/nowhere'"),
        (["--pool-name=p", "--grpc-port=x"], 2, 'invalid argument "x" for "--grpc-port" flag'),
        (["--pool-name"], 2, "flag needs an argument: --pool-name"),
        (["--pool-name=p", "--model-server-metrics-scheme=ftp"], 1, "it can only be set to 'http' or 'https'"),
    ],
)
def test_a_wrong_command_line_ends_it(words: list[str], code: int, says: str) -> None:
    """A newer image dropped flags that a manifest still passed, and the picker crash-looped."""
    with pytest.raises(flags.FlagError) as caught:
        flags.parse(words, namespace="models", root=None)
    assert caught.value.exit_code == code
    assert says in str(caught.value)


def test_flags_in_all_spellings_are_read() -> None:
    """KServe rewrites `--config-text`, `-configText` and the like."""
    parsed = flags.parse(
        ["-poolName", "p", "--secure-serving=false", "--refreshMetricsInterval=1m30s"], namespace="n", root=None
    )
    assert (parsed.pool_name, parsed.pool_namespace, parsed.secure) == ("p", "n", False)
    assert parsed.refresh_seconds == 90


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


@pytest.fixture
def picker(start: Start) -> tuple[Running, int]:
    """A running picker without a cluster, and its health port."""
    health_port, metrics_port = free_ports(2)
    options = ["--listen-health", str(health_port), "--listen-metrics", str(metrics_port)]
    return start("picker", [*POOL, "--config-text", text()], options=options), health_port


def status(port: int) -> int | None:
    """What the health service says, None while it says nothing."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            return channel.unary_unary(f"/{health.SERVICE}/Check")(health.request("readiness"), timeout=2)[1]
        except grpc.RpcError:
            return None


def test_the_health_service_answers_kubelets(picker: tuple[Running, int]) -> None:
    """Readiness and liveness are gRPC probes on port 9003, with a service name."""
    _, port = picker
    eventually(lambda: status(port) == health.SERVING, "SERVING")


def test_without_its_pool_it_is_not_ready(start: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A pool that does not exist, or a role that is missing, keeps the real picker from being ready too."""
    kubeconfig = tmp_path_factory.mktemp("pod") / "kubeconfig"
    kubeconfig.write_text(json.dumps({"clusters": [{"cluster": {}}], "users": [{"user": {}}]}))
    port, metrics = free_ports(2)
    options = ["--listen-health", str(port), "--listen-metrics", str(metrics), "--kubeconfig", str(kubeconfig)]
    server = start("picker", [*POOL, "--config-text", text()], options=options)
    eventually(lambda: "InferencePool not synced yet" in server.lines(), "the complaint")
    eventually(lambda: status(port) == health.NOT_SERVING, "NOT_SERVING")


def test_a_request_follows_its_prefix_through_real_servers(start: Start, picker: tuple[Running, int]) -> None:
    """Picker and servers agree on blocks through the servers' own metrics; what was picked is really a hit there."""
    chooser, _ = picker
    servers = {
        name: start("vllm", ["vllm", "serve", "m", "--max-model-len=2048"], environment={"SANDBOX_VLLM_SPEED": "100"})
        for name in ("pod-a", "pod-b")
    }
    candidates = [{"pod": name, "address": f"127.0.0.1:{server.port}"} for name, server in servers.items()]
    request = {"model": "m", "prompt": "shared " * 500, "max_tokens": 1}
    picks: list[dict[str, Any]] = []
    for _ in range(3):
        answer = chooser.post("/pick", {"body": json.dumps(request), "candidates": candidates})
        picks.append(answer.json())
        cached = servers[picks[-1]["pod"]].post("/v1/completions", request).json()["usage"]["prompt_tokens_details"]
        assert chooser.post("/done", {"id": picks[-1]["id"]}).status == 200
        assert cached["cached_tokens"] == picks[-1]["matches"][picks[-1]["pod"]] * 128
    assert len({pick["pod"] for pick in picks}) == 1
    assert picks[0]["matches"][picks[0]["pod"]] == 0
    assert picks[1]["matches"][picks[0]["pod"]] == 6
    assert 'llm_d_epp_request_total{name="pool"' in chooser.get("/metrics").text


def test_a_server_that_came_back_has_an_empty_cache(start: Start, picker: tuple[Running, int]) -> None:
    """A restarted pod keeps its name and loses its cache; its new address tells."""
    chooser, _ = picker
    one, two = (start("vllm", ["vllm", "serve", "m"]) for _ in range(2))
    body = {"model": "m", "prompt": "x" * 4000}
    for server, expected in ((one, 0), (one, 62), (two, 0)):
        candidates = [{"pod": "pod", "address": f"127.0.0.1:{server.port}"}]
        assert chooser.post("/pick", {**body, "candidates": candidates}).json()["matches"] == {"pod": expected}


def test_wrong_requests_are_answered_and_no_server_is_503(picker: tuple[Running, int]) -> None:
    """The load balancer turns 503 into its own words."""
    chooser, _ = picker
    assert chooser.post("/pick", {"candidates": []}).status == 503
    assert chooser.post("/pick", {"candidates": [{"pod": "a", "address": "nowhere"}]}).status == 400
    assert chooser.post("/pick", {}).status == 400
    assert chooser.post("/pick", "{").status == 400
    assert chooser.post("/done", {"id": "never"}).status == 404
    assert chooser.get("/").status == 404


def test_a_wrong_configuration_ends_the_process(start: Start) -> None:
    """Exit code 1 and the reason in the log: the pod crash-loops as on GKE."""
    server = start("picker", [*POOL, "--config-text", text(plugins=[{"type": "nonsense"}])], wait=False)
    assert server.ended() == 1
    assert "plugin type 'nonsense' is not registered" in server.lines()
