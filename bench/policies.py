"""`python -m bench.policies`: how fast the pack judges a large stack, in one process on one core, without an engine.

An evaluation is one policy's look at one resource. Most end at the resource's type, so those of policies that look at the
resource's kind are counted apart. Properties come through the SDK's proxies, as from the engine; its wire format does not.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from pulumi_policy import Policy, PolicyResource
from pulumi_policy.proxy import unknown_checking_proxy
from rich.console import Console
from rich.table import Table

from bench import command
from bench.stack import stack
from policies.check.evaluate import evaluate, resource
from policies.framework import LOOKS_AT
from policies.pace import set_pace
from policies.pack import POLICIES

SIZES: Final = (20, 200, 2000)
RUNS: Final = 3
TARGET_RATE: Final = 2000
"""Evaluations a second on one core."""
TARGET_GROWTH: Final = 11
"""Most times longer that ten times the resources may take."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One size of stack."""

    resources: int
    evaluations: int
    applicable: int
    """Evaluations by policies that look at the resource's kind."""
    seconds: float
    """Processor time, median of the runs."""
    violations: int

    @property
    def rate(self) -> float:
        """Evaluations a second."""
        return self.evaluations / self.seconds

    @property
    def applicable_rate(self) -> float:
        """Applicable evaluations a second."""
        return self.applicable / self.seconds


def resources(size: int) -> list[PolicyResource]:
    """A stack as the engine hands it over."""
    return [
        resource(token, name, f"urn:pulumi:prod::inference::{token}::{name}", unknown_checking_proxy(properties))
        for token, name, properties in stack(size)
    ]


def measure(size: int, runs: int, policies: Sequence[Policy] = POLICIES) -> Measured:
    """Times the policies over a stack of that many resources."""
    times: list[float] = []
    violations = 0
    made: list[PolicyResource] = []
    for _ in range(runs + 1):
        made = resources(size)  # what was read of others is remembered
        start = time.process_time()
        violations = sum(1 for _ in evaluate(policies, made))
        times.append(time.process_time() - start)
    kinds = [each.resource_type.rsplit(":", 1)[-1] for each in made]
    applicable = sum(1 for policy in policies for kind in kinds if kind in LOOKS_AT.get(policy.name, ()))
    return Measured(size, len(policies) * size, applicable, median(times[1:]), violations)


def slowest(size: int, count: int = 5) -> list[tuple[str, float, float]]:
    """The policies that take longest over such a stack: name, seconds, and growth from a tenth of it."""
    found: list[tuple[str, float, float]] = []
    for policy in POLICIES:
        times: list[float] = []
        for made in (resources(size // 10), resources(size)):
            start = time.process_time()
            list(evaluate([policy], made))
            times.append(time.process_time() - start)
        found.append((policy.name, times[1], times[1] / times[0]))
    return sorted(found, key=lambda row: -row[1])[:count]


def show(results: Sequence[Measured], console: Console) -> None:
    """Prints the table and the verdict on the targets."""
    table = Table(title=f"The pack's {len(POLICIES)} policies on one core")
    for column in ("resources", "time [s]", "evaluations/s", "of matching kind/s", "violations"):
        table.add_column(column, justify="right")
    for row in results:
        table.add_row(
            f"{row.resources:,}",
            f"{row.seconds:.3f}",
            f"{row.rate:,.0f}",
            f"{row.applicable_rate:,.0f}",
            f"{row.violations:,}",
        )
    console.print(table)
    for small, large in pairwise(results):
        growth, times = large.seconds / small.seconds, large.resources / small.resources
        console.print(
            f"From {small.resources:,} to {large.resources:,}: {times:.0f} × the resources take {growth:.1f} × the time "
            f"(target: at most {TARGET_GROWTH} for 10 ×)."
        )
    slow = min(row.applicable_rate for row in results)
    console.print(f"At least {slow:,.0f} evaluations of matching kind a second (target: {TARGET_RATE:,}).")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the bench; a missed target is shown, not an error."""
    parser = command.parser("bench.policies", "Times the policy pack in this process.", runs=RUNS, of="each size")
    parser.add_argument("--slowest", action="store_true", help="also show the slowest policies and how they grow")
    options = parser.parse_args(arguments)
    set_pace()  # as the pack's own process does

    def tell(results: Sequence[Measured], console: Console) -> None:
        show(results, console)
        for name, seconds, growth in slowest(SIZES[-1]) if options.slowest else ():
            console.print(f"{name:32} {seconds:8.3f} s, {growth:6.1f} × a tenth of the stack")

    return command.run(lambda: [measure(size, options.runs) for size in SIZES], tell, options.json)


if __name__ == "__main__":
    sys.exit(main())
