"""The routing bench: what it asks, what the load balancer is told, and what its figures mean."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench import routing, routing_report
from bench.routing_balancer import programmed
from bench.routing_fleet import Counters, picker_words, server_words
from bench.routing_load import Figures, RequestError, Sample, Slice, Target, Workload, drive, figures, percentile
from bench.routing_objects import ONE_SERVER, PICKER, PREFIX_AWARE, ROUND_ROBIN, WAYS, Place, host, recorded, served
from rules import endpoint_picker as facts
from rules import endpoint_picker_flags, vllm
from rules.vllm_performance import BYTES_PER_TOKEN
from sandbox.balancer import matching
from sandbox.serving.picker import config, flags
from sandbox.serving.vllm import arguments
from sandbox.serving.vllm.cache import chain

SMALL = Workload(groups=4, prefix=512, question=100, answer=20, clients=6)
PLACES = [
    Place(name="a", role=PREFIX_AWARE, ports={vllm.PORT: 41}),
    Place(name="b", role=PREFIX_AWARE, ports={vllm.PORT: 42}),
    Place(name="c", role=ROUND_ROBIN, ports={vllm.PORT: 43}),
    Place(name="d", role=ONE_SERVER, ports={vllm.PORT: 44}),
    Place(
        name=PICKER,
        role=PICKER,
        ports={endpoint_picker_flags.GRPC_PORT: 45, endpoint_picker_flags.HEALTH_PORT: 46},
    ),
]


def made(**given: float) -> Figures:
    """Figures of an idle machine with changes."""
    values = {
        "throughput": 10.0,
        "first_token": 0.1,
        "first_token_95": 0.2,
        "cached": 0.5,
        "between_tokens": 0.02,
        "waited": 0.1,
    }
    return Figures(**{**values, **given})


def test_prompts_share_their_beginnings_and_nothing_else() -> None:
    """Whole cache blocks of the beginnings are equal, questions never are, and a round asks the same in every way."""
    prompts = list(itertools.islice(SMALL.prompts("round 1"), 200))
    size = SMALL.prefix * BYTES_PER_TOKEN
    assert {len(prompt) for prompt in prompts} == {size + SMALL.question * BYTES_PER_TOKEN}
    assert len({prompt[:size] for prompt in prompts}) == SMALL.groups
    assert len({prompt[size:] for prompt in prompts}) == len(prompts)
    assert prompts == list(itertools.islice(SMALL.prompts("round 1"), 200))
    others = list(itertools.islice(SMALL.prompts("round 2"), 200))
    assert {prompt[:size] for prompt in others} == {prompt[:size] for prompt in prompts}
    assert not set(others) & set(prompts)


def test_beginnings_are_whole_blocks_of_the_served_model() -> None:
    """A beginning that ended within a block would be computed again each time, and caching would look weaker than it is."""
    size = served().block_tokens
    assert Workload().prefix % size == 0
    prompts = (prompt for prompt in Workload().prompts("x") if prompt.startswith("group 1:"))
    first, second = itertools.islice(prompts, 2)
    shared = [a for a, b in zip(chain(first.encode(), size), chain(second.encode(), size), strict=True) if a == b]
    assert len(shared) == Workload().prefix // size


def test_cache_holds_the_part_that_is_asked_for() -> None:
    """Half of four beginnings of two blocks each, and a block for each of the three requests a server has."""
    assert SMALL.cache_blocks(256, 0.5, servers=2) == 2 * 2 + 3


def test_servers_and_picker_take_their_command_lines() -> None:
    """The stand-ins, which refuse what the real ones refuse, read what the bench means; the picker scores as in prod."""
    model = served()
    program, _, *words = server_words(model, 104)
    settings = arguments.parse(program, words, chips=None)
    assert (settings.blocks, settings.block_tokens, settings.names) == (104, model.block_tokens, (model.name,))
    parsed = flags.parse(picker_words(model), namespace="llm", root=None)
    (profile,) = config.load(parsed.config).profiles
    weights = {plugin.type: weight for plugin, weight in profile.scorers}
    assert weights == {facts.PREFIX_SCORER: 2.0, facts.LOAD_SCORER: 1.0}
    producer = config.load(parsed.config).first(facts.PREFIX_PRODUCER)
    assert producer is not None
    assert producer.parameters["blockSizeTokens"] == model.block_tokens


def test_hosts_lead_to_their_servers() -> None:
    """Each way has servers of its own, only one asks the picker, and a picker that fails is seen."""
    program, fleet = programmed(json.loads(json.dumps(recorded(PLACES))))
    (listener,) = program.listeners
    found: dict[str, list[int | None]] = {}
    pickers: dict[str, str | None] = {}
    for way in WAYS:
        match = matching.find(listener.matches, host(way), "/v1/completions", [])
        assert match is not None
        ((key, _),) = match.backends
        spec, endpoints = fleet[key]
        assert spec.check.path == vllm.HEALTH_PATH
        found[way] = [endpoint.local for endpoint in endpoints]
        pickers[way] = spec.picker.key if spec.picker else None
        assert spec.picker is None or not spec.picker.fail_open
    assert found == {PREFIX_AWARE: [41, 42], ROUND_ROBIN: [43], ONE_SERVER: [44]}
    assert pickers == {PREFIX_AWARE: f"EndpointPicker/llm/{PICKER}", ROUND_ROBIN: None, ONE_SERVER: None}
    _, picking = fleet[f"EndpointPicker/llm/{PICKER}"]
    assert [(endpoint.local, endpoint.check) for endpoint in picking] == [(45, 46)]


def test_figures_count_what_ended_while_it_was_measured() -> None:
    """Answers of the settling time and of after the end do not count; throughput is per measured second."""
    samples = [
        Sample(sent=t, first=t + wait, last=t + 1, tokens=11) for t, wait in ((0, 0.9), (2, 0.1), (3, 0.3), (9, 0))
    ]
    found = figures(Slice(samples=samples, since=2.0, until=6.0), cached=0.75, waited=0.5)
    assert found is not None
    assert (found.throughput, found.cached, found.waited) == (0.5, 0.75, 0.5)
    assert [found.first_token, found.first_token_95, found.between_tokens] == pytest.approx([0.1, 0.3, 0.07])
    assert figures(Slice(samples=samples, since=4.5, until=6.0), cached=0.0, waited=0.0) is None


def test_percentile_is_a_value_that_was_measured() -> None:
    """Nearest rank, without interpolation."""
    assert [percentile([1.0, 2.0, 3.0, 4.0], share) for share in (0.0, 0.5, 0.75, 0.95)] == [1.0, 2.0, 3.0, 4.0]


def test_counters_are_differences() -> None:
    """Between two readings of growing counters; without queries nothing was cached."""
    earlier = Counters(queries=100, hits=50, ran=10, waited=1)
    later = Counters(queries=300, hits=200, ran=14, waited=3)
    assert (later.cached_since(earlier), later.waited_since(earlier)) == (0.75, 0.5)
    assert (later.cached_since(later), later.waited_since(later)) == (0.0, 0.0)


def test_ratios_compare_within_a_round() -> None:
    """A machine that was twice as slow in one round changes no ratio."""
    slow = {PREFIX_AWARE: made(throughput=15.0), ROUND_ROBIN: made(throughput=5.0)}
    fast = {PREFIX_AWARE: made(throughput=30.0), ROUND_ROBIN: made(throughput=10.0)}
    found = routing_report.ratios([slow, fast], PREFIX_AWARE, ROUND_ROBIN)
    assert found["throughput"] == [3.0, 3.0]


@pytest.mark.parametrize(("waited", "wanted"), [(0.5, False), (2.0, True)])
def test_busy_machine_is_told(waited: float, wanted: bool) -> None:
    """Processes that mostly wait for a processor say that the machine, and not the model of a server, was measured."""
    late = {way: made(waited=waited) for way in WAYS}
    assert routing_report.too_busy([late]) is wanted
    assert json.loads(routing_report.as_json([late], "note"))["machine"]["too_busy"] is wanted


def driven(status: str, tokens: int, workload: Workload) -> Slice:
    """The clients in front of a small server that streams `tokens` tokens."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        asked: Mapping[str, object] = json.loads(await reader.readexactly(length))
        assert asked["stream"] is True
        writer.write(f"HTTP/1.1 {status}\r\n\r\n".encode() + b'data: {"x":1}\n\n' * tokens + b"data: [DONE]\n\n")
        await writer.drain()
        writer.close()

    async def run() -> Slice:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        target = Target(port=server.sockets[0].getsockname()[1], host="h", model="m")
        try:
            return await asyncio.wait_for(drive(target, workload, "s", before=30, seconds=0.05), 20)
        finally:
            server.close()

    return asyncio.run(run())


def test_clients_go_on_until_the_end() -> None:
    """The measured time begins after the answers that were asked for before it."""
    found = driven("200 OK", SMALL.answer, SMALL)
    assert len([sample for sample in found.samples if sample.last <= found.since]) >= 30
    assert found.until - found.since >= 0.05
    assert all(sample.tokens == SMALL.answer and sample.first >= sample.sent for sample in found.samples)


@pytest.mark.parametrize(("status", "tokens"), [("503 Service Unavailable", 0), ("200 OK", SMALL.answer - 1)])
def test_failed_request_ends_the_run(status: str, tokens: int) -> None:
    """An answer that is an error, or is cut off, is no measurement."""
    with pytest.raises(RequestError, match=f"{status[:3]} with {tokens} of {SMALL.answer} tokens"):
        driven(status, tokens, SMALL)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["--rounds", "0"], "--rounds 0"),
        (["--seconds", "nan"], "--seconds nan"),
        (["--clients", "0"], "--clients 0"),
        (["--cached", "1.5"], "--cached 1.5"),
        (["--json", "/nowhere/x.json"], "/nowhere"),
    ],
)
def test_wrong_arguments_are_one_message(given: list[str], named: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, the argument, and nothing is started."""
    assert routing.main(given) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert named in told.err


def test_results_are_shown(tmp_path: Path) -> None:
    """Each way has its line, and the note says what was simulated."""
    from rich.console import Console  # noqa: PLC0415 - of this test alone

    file = tmp_path / "out.txt"
    note = routing_report.explanation(SMALL, 7, 256, 0.5)
    rounds = [{PREFIX_AWARE: made(throughput=20.0), ROUND_ROBIN: made(), ONE_SERVER: made(throughput=4.0)}]
    with file.open("w") as output:
        routing_report.show(rounds, note, Console(file=output, width=160))
    text = file.read_text()
    assert all(title in text for title in routing_report.TITLES.values())
    assert "throughput × 2.00 (2.00–2.00)" in text
    assert "throughput × 5.00 (5.00–5.00)" in text
    assert "Simulated: the servers compute nothing" in text
    assert "warning" not in text
