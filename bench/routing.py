"""`python -m bench.routing`: prefix-aware routing against round robin, and one server, in front of stand-in model servers.

Three servers behind the sandbox's load balancer and endpoint picker, three more behind the load balancer alone, and one, all
from the same settings, with caches that hold only a part of what is asked. The ways are measured in turns within one run.
A bench is no test: it exits with 1 only when it cannot measure. Everything it starts ends with it.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from bench import routing_report as report
from bench.routing_fleet import SERVERS, Fleet, running
from bench.routing_load import Figures, RequestError, Slice, Target, Workload, drive, figures
from bench.routing_objects import ROUND_ROBIN, WAYS, host, served
from bench.scenarios import BenchError

ROUNDS: Final = 5
SECONDS: Final = 3.0
CACHED: Final = 0.5
"""Which part of the shared texts each server's cache holds: more than a third, less than all."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bench.routing", description="Measures prefix-aware routing against round robin."
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"rounds; each measures every way once [{ROUNDS}]")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"how long each way is measured [{SECONDS:g}]")
    parser.add_argument("--clients", type=int, default=Workload().clients, help="requests that are always under way")
    parser.add_argument(
        "--cached",
        type=float,
        default=CACHED,
        help=f"part of the shared texts that a server's cache holds [{CACHED:g}]",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results as JSON")
    return parser


def _problem(options: argparse.Namespace) -> str | None:
    if options.rounds < 1:
        return f"--rounds {options.rounds}: a median needs at least one round. Write 1 or more."
    if not 0.5 <= options.seconds <= 600:
        return f"--seconds {options.seconds:g}: this cannot be measured. Write a number from 0.5 to 600."
    if not 1 <= options.clients <= 200:
        return f"--clients {options.clients}: this machine cannot play them. Write a number from 1 to 200."
    if not 0 < options.cached <= 1:
        return f"--cached {options.cached:g}: this is no part of the texts. Write a number above 0, at most 1."
    if options.json is not None and not options.json.parent.is_dir():
        return f"--json {options.json}: there is no folder {options.json.parent}. Write a path in one that exists."
    return None


def measure(
    fleet: Fleet, workload: Workload, model: str, *, rounds: int, seconds: float, say: Callable[[str], None]
) -> list[dict[str, Figures]]:
    """Warms every way's caches up, then measures the ways in turns.

    Raises:
        RequestError: a request failed.
        BenchError: a way answered nothing while it was measured.
    """

    def run(way: str, seed: str, before: int, seconds: float) -> Slice:
        target = Target(port=fleet.port, host=host(way), model=model)
        return asyncio.run(drive(target, workload, seed, before=before, seconds=seconds))

    for way in WAYS:
        say(f"warming up: {report.TITLES[way]}")
        # by round robin each server has to see each text for itself
        run(way, "warming up", workload.groups * (SERVERS if way == ROUND_ROBIN else 1), 0.0)
    found: list[dict[str, Figures]] = []
    for number in range(1, rounds + 1):
        this: dict[str, Figures] = {}
        for way in WAYS:
            say(f"round {number} of {rounds}: {report.TITLES[way]}")
            earlier = fleet.counters(way)
            answers = run(way, f"round {number}", workload.clients, seconds)
            later = fleet.counters(way)
            one = figures(answers, cached=later.cached_since(earlier), waited=later.waited_since(earlier))
            if one is None:
                raise BenchError(
                    f"no answer in {seconds:g} s: {report.TITLES[way]}. Write a longer time with --seconds."
                )
            this[way] = one
        found.append(this)
    return found


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the bench; every expected failure is one message."""
    options = _parser().parse_args(arguments)
    if problem := _problem(options):
        sys.stderr.write(f"error: {problem}\n")
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    progress = Console(stderr=True)
    workload = Workload(clients=options.clients)
    try:
        model = served()
        blocks = workload.cache_blocks(model.block_tokens, options.cached, SERVERS)
        blocks = max(
            blocks, -(-model.max_model_length // model.block_tokens)
        )  # a server takes its longest prompt or ends
        with (
            tempfile.TemporaryDirectory(prefix="bench-routing-") as folder,
            progress.status("starting servers") as status,
            running(model, blocks, Path(folder)) as fleet,
        ):
            rounds = measure(
                fleet, workload, model.name, rounds=options.rounds, seconds=options.seconds, say=status.update
            )
    except (BenchError, RequestError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    note = report.explanation(workload, blocks, model.block_tokens, options.cached)
    report.show(rounds, note, Console(highlight=False, width=None if sys.stdout.isatty() else 120))
    if options.json is not None:
        options.json.write_text(report.as_json(rounds, note))
    return 0


if __name__ == "__main__":
    sys.exit(main())
