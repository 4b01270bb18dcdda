"""`python -m bench`: times previews of the dev stack against an empty program, in a sandbox of its own.

A bench is no test: it exits with 0 when a target is missed, and with 1 only when it cannot measure. Everything it starts
ends with it, and its sandbox is removed.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import command, report
from bench.measure import interleaved
from bench.scenarios import BASE_STACK, BenchError, Scenario, count_resources, empty, platform
from sandbox import daemon
from sandbox.daemon import CloudError
from sandbox.toolchain import ToolchainError, Tools
from sandbox.workspace import Workspace, WorkspaceError

RUNS = 7
MORE_MODELS = (4, 16)
"""How many models the larger variants of the stack have more than the committed settings."""
DEPLOYED = "dev-deployed"


def _parser() -> argparse.ArgumentParser:
    runs = os.environ.get("BENCH_RUNS", str(RUNS))
    about = "Times previews against an empty Pulumi program."
    parser = command.parser("bench", about, runs=runs, of="each preview, BENCH_RUNS where it is set")
    parser.add_argument("--deployed", action="store_true", help="also deploy the stack, and preview it unchanged")
    return parser


@contextmanager
def _workspace() -> Generator[Workspace]:
    """A sandbox in a temporary directory, with its cloud running; nothing of it is left afterwards."""
    tools = Tools.load()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        workspace = Workspace(tools, Path(folder).resolve() / "sandbox")
        workspace.prepare()
        try:
            daemon.start(workspace.home, workspace.environment())
            yield workspace
        finally:
            daemon.stop(workspace.home)
            daemon.remove(workspace.home)


def _growth_points(workspace: Workspace) -> dict[Scenario, int]:
    title = f"{BASE_STACK} stack"
    points = {platform(workspace, BASE_STACK, title): 0}
    for more in MORE_MODELS:
        name = f"{BASE_STACK}-{more}"
        points[platform(workspace, name, f"{title} + {more} models", more_models=more)] = more
    return points


def measure(workspace: Workspace, *, runs: int, deployed: bool, console: Console) -> list[report.Result]:
    """Times every scenario; the first result is the empty program's.

    Raises:
        BenchError: A preview failed.
    """
    base = empty(workspace, workspace.home.parent / "empty")
    points = _growth_points(workspace)
    bare = platform(workspace, report.BARE, f"{BASE_STACK} stack under an empty pack", judged=False)
    scenarios = [base, bare, *points]
    if deployed:
        unchanged = platform(workspace, DEPLOYED, f"{BASE_STACK} stack, deployed and unchanged")
        console.print(f"Deploying {DEPLOYED} …")
        unchanged.up()
        scenarios.append(unchanged)
    titles = {scenario.name: scenario.title for scenario in scenarios}
    with console.status("") as status:
        timings = interleaved(
            {scenario.name: scenario.preview for scenario in scenarios},
            runs,
            lambda turn, name: status.update(
                f"run {turn} of {runs}: {titles[name]}" if turn else f"warming up: {titles[name]}"
            ),
        )
    return [
        report.Result(
            name=scenario.name,
            title=scenario.title,
            timing=timings[scenario.name],
            resources=count_resources(scenario.preview()),
            more_models=points.get(scenario),
            judged=scenario.name in (BASE_STACK, DEPLOYED),
        )
        for scenario in scenarios
    ]


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the bench; every expected failure is one message."""
    options = _parser().parse_args(arguments)
    command.keep_compiled()
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    try:
        with _workspace() as workspace:
            results = measure(workspace, runs=options.runs, deployed=options.deployed, console=Console(stderr=True))
    except (BenchError, CloudError, ToolchainError, WorkspaceError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    report.show(results, results[0], console)
    if options.json is not None:
        options.json.write_text(report.as_json(results, results[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
