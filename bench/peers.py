"""`python -m bench.peers`: this check beside conftest and the Kyverno CLI, with the same rules over the same manifests.

Eight rules that look at one object each are carried by all three; relations between objects, which are most of the pack, are
not what the other two are asked for. Every tool has to find the same faults, or its time means nothing. conftest is built from
its Go module by `make bench-peers`; the Kyverno CLI is taken from PATH and left out where it is not there, because a module that
it needs (github.com/openreports/reports-api) cannot be verified through Go's module proxy.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import yaml
from rich.console import Console
from rich.table import Table

from bench import command
from bench.measure import Ran, timed
from bench.scenarios import HERE, BenchError
from bench.stack import stack
from sandbox.home import CHECKOUT
from sandbox.toolchain import conftest
from sandbox.toolchain.progress import Progress

SIZES: Final = (200, 2000)
RUNS: Final = 3
RULES: Final = HERE / "rules"
COUNTERPARTS: Final = {
    "timeouts": "httproute-features",
    "regular-expression": "httproute-features",
    "method-match": "httproute-features",
    "port": "health-check-policy",
    "request-path": "health-check-policy",
    "limits": "health-check-policy",
    "session-affinity": "backend-policy",
    "privileged": "pod-security-baseline",
}
"""The eight rules, by the pack's own names, and the policies that have them."""
FAULTS: Final[dict[str, tuple[str, tuple[str | int, ...], Any]]] = {
    "timeouts": ("HTTPRoute", ("spec", "rules", 0, "timeouts"), {"request": "60s"}),
    "regular-expression": ("HTTPRoute", ("spec", "rules", 0, "matches", 0, "path", "type"), "RegularExpression"),
    "method-match": ("HTTPRoute", ("spec", "rules", 0, "matches", 0, "method"), "POST"),
    "port": ("HealthCheckPolicy", ("spec", "default", "config", "httpHealthCheck", "portSpecification"), None),
    "request-path": ("HealthCheckPolicy", ("spec", "default", "config", "httpHealthCheck", "requestPath"), "/"),
    "limits": ("HealthCheckPolicy", ("spec", "default", "checkIntervalSec"), 301),
    "session-affinity": ("GCPBackendPolicy", ("spec", "default", "sessionAffinity"), {"type": "CLIENT_IP"}),
    "privileged": (
        "Deployment",
        ("spec", "template", "spec", "containers", 0, "securityContext", "privileged"),
        True,
    ),
}
"""For each rule, the kind and field that breaks it, and with what; None takes the field away."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One tool over one size of manifests."""

    tool: str
    objects: int
    seconds: float
    """Median of the runs, wall clock, start-up included."""
    processor_seconds: float
    found: int
    """Faults; the same for every tool."""


def manifests(size: int) -> tuple[list[dict[str, Any]], Counter[str]]:
    """So many Kubernetes objects, one fault in some of them, and how many faults of each rule there are."""
    made = [copy.deepcopy(body) for token, _, body in stack(size * 2) if token.startswith("kubernetes:")][:size]
    turn: dict[str, int] = {}
    faults: Counter[str] = Counter()
    for index, body in enumerate(made):
        rules = [rule for rule, (kind, _, _) in FAULTS.items() if kind == body["kind"]]
        if index % 3 or not rules:
            continue
        rule = rules[turn.setdefault(body["kind"], 0) % len(rules)]
        if rule == "session-affinity" and body["spec"]["targetRef"]["kind"] != "InferencePool":
            continue
        turn[body["kind"]] += 1
        _spoil(body, *FAULTS[rule][1:])
        faults[rule] += 1
    return made, faults


def _spoil(body: Any, path: tuple[str | int, ...], value: Any) -> None:
    *above, last = path
    for step in above:
        body = body[step]
    if value is None:
        del body[last]
    else:
        body[last] = value


def _ours(output: str) -> Counter[str]:
    """Findings of the eight rules, each object once for each."""
    seen = {(f["rule"], f["object"]) for f in json.loads(output)["findings"] if f["rule"] in COUNTERPARTS}
    return Counter(rule for rule, _ in seen)


def _conftest(output: str) -> Counter[str]:
    return Counter(each["msg"] for result in json.loads(output) for each in result.get("failures") or ())


def _kyverno(output: str) -> Counter[str]:
    """From its own words; not yet held against a run of it: `N. RULE: validation error: …`, one a failed rule and object."""
    return Counter(re.findall(r"^\d+\s*-?\.?\s*([a-z-]+)\b", output, re.MULTILINE))


def _timed(words: Sequence[str]) -> Ran:
    ran = timed(words, cwd=CHECKOUT)
    if ran.returncode not in {0, 1}:
        raise BenchError(f"{words[0]} failed: {ran.stderr.strip()[-800:]}")
    return ran


def measure(sizes: Sequence[int], runs: int, console: Console) -> list[Timed]:
    """Times each tool over each size.

    Raises:
        BenchError: A tool failed, or found something else than the others.
        ToolchainError: A peer cannot be built.
    """
    rego, kyverno = conftest(Progress()), shutil.which("kyverno")
    if kyverno is None:
        console.print("No kyverno on PATH: its command line tool is left out of the comparison.")
    results: list[Timed] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        some = folder / "eight.json"
        levels = {policy: {"enforcementLevel": "mandatory"} for policy in set(COUNTERPARTS.values())}
        some.write_text(json.dumps({"all": "disabled", **levels}))
        for size in sizes:
            objects, faults = manifests(size)
            path = folder / f"{size}.yaml"
            path.write_text(yaml.safe_dump_all(objects))
            ours = [sys.executable, "-m", "policies", "check", str(path), "--format", "json"]
            tools: dict[str, tuple[list[str], Callable[[str], Counter[str]]]] = {
                "this check, the policies of the eight rules": ([*ours, "--config", str(some)], _ours),
                "this check, the whole pack": (ours, _ours),
                "conftest": (
                    [str(rego), "test", str(path), "--policy", str(RULES / "conftest.rego"), "--output", "json"],
                    _conftest,
                ),
            }
            if kyverno is not None:
                words = [kyverno, "apply", str(RULES / "kyverno.yaml"), "--resource", str(path)]
                tools["Kyverno CLI"] = (words, _kyverno)
            for tool, (words, read) in tools.items():
                console.print(f"{tool}, {size} objects …")
                times = [_timed(words) for _ in range(runs)]
                found = read(times[-1].stdout)
                if found != faults:
                    raise BenchError(
                        f"{tool} found {dict(found)}, where {dict(faults)} is wrong: the rules are not the same"
                    )
                seconds, processor = median(t.seconds for t in times), median(t.processor_seconds for t in times)
                results.append(Timed(tool, size, seconds, processor, found.total()))
    return results


def show(results: Sequence[Timed], console: Console) -> None:
    """Prints the table."""
    table = Table(title="Eight rules over the same manifests, start-up included")
    for column in ("tool", "objects", "time [s]", "processors [s]", "objects/s", "faults found"):
        table.add_column(column, justify="left" if column == "tool" else "right")
    for row in results:
        rate = row.objects / row.seconds
        figures = (f"{row.seconds:.2f}", f"{row.processor_seconds:.2f}", f"{rate:,.0f}", str(row.found))
        table.add_row(row.tool, f"{row.objects:,}", *figures)
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the bench; who is faster is shown, not judged."""
    about = "Times the check beside conftest and Kyverno."
    options = command.parser("bench.peers", about, runs=RUNS, of="each tool and size").parse_args(arguments)
    return command.run(lambda: measure(SIZES, options.runs, Console(stderr=True)), show, options.json)


if __name__ == "__main__":
    sys.exit(main())
