"""An open-loop load test: `python -m operations.load_test URL --rate 85 --duration 60`, also `make load-test URL=… RATE=…`.

Requests are sent at their times whether earlier ones have been answered or not, as clients who know nothing of each other do; a
latency counts from that time. A closed loop would slow down with the server and hide its queue. Exit code: 0 within the limits, 1
beyond one of them, 2 for input that cannot be used. Which pod has answered is known where a response header tells.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from operations.http_connections import BrokenAnswerError, Connections, HttpTarget, TargetError

DEFAULT_HEADER: Final = "x-served-by"
_REPORT_SECONDS: Final = 5.0
_FACTORS: Final = (50, 90, 95, 99)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is sent: `rate` requests a second for `duration` seconds, after a rise from 0 during the first `ramp` of them.

    `timeout` in seconds counts from a request's time. At most `most_open` are under way; more are not sent and count as failed.

    Raises:
        TargetError: a number that cannot be used.
    """

    rate: float
    duration: float
    ramp: float = 0.0
    timeout: float = 30.0
    most_open: int = 2000

    def __post_init__(self) -> None:
        for name in ("rate", "duration", "timeout"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise TargetError(f"{name}: {value:g} cannot be used. Write a number above 0.")
        if not 0 <= self.ramp <= self.duration:
            raise TargetError(
                f"ramp: {self.ramp:g} is not within the duration. Write 0 to {self.duration:g}, in seconds."
            )
        if self.most_open < 1:
            raise TargetError(f"most open requests: {self.most_open} cannot be used. Write 1 or more.")

    def times(self) -> Iterator[float]:
        """When each request is sent, in seconds from the start."""
        rising = self.rate * self.ramp / 2
        for number in range(math.ceil(rising + self.rate * (self.duration - self.ramp))):
            at = math.sqrt(2 * self.ramp * number / self.rate) if number < rising else self.ramp / 2
            yield at if number < rising else at + number / self.rate


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One request: its time, its latency (both seconds), and how it ended: a status, or why there is none."""

    at: float
    latency: float
    status: int | None
    failure: str = ""
    backend: str = ""

    @property
    def good(self) -> bool:
        """Whether it was answered with success or a redirect."""
        return self.status is not None and self.status < 400


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What came of some requests. Latencies in seconds, of those that were answered; `backends` counts good answers."""

    requests: int
    error_ratio: float
    statuses: Mapping[str, int]
    failures: Mapping[str, int]
    latency: Mapping[str, float]
    backends: Mapping[str, int]

    @property
    def evenness(self) -> float:
        """Requests of the least busy backend by those of the busiest: 1 is even, 0 where no answer told its backend."""
        return min(self.backends.values()) / max(self.backends.values()) if self.backends else 0.0


@dataclass(kw_only=True)
class Result:
    """All requests of a run."""

    samples: list[Sample] = field(default_factory=list[Sample])

    def summary(self, *, since: float = 0.0) -> Summary:
        """What came of the requests that were sent from `since` seconds on."""
        chosen = [sample for sample in self.samples if sample.at >= since]
        answered = sorted(sample.latency for sample in chosen if sample.status is not None)
        latency = {f"p{part}": percentile(answered, part) for part in _FACTORS} | {"max": percentile(answered, 100)}
        return Summary(
            requests=len(chosen),
            error_ratio=sum(not sample.good for sample in chosen) / len(chosen) if chosen else 0.0,
            statuses=dict(sorted(Counter(str(s.status) for s in chosen if s.status is not None).items())),
            failures=dict(Counter(s.failure for s in chosen if s.failure)),
            latency=latency,
            backends=dict(sorted(Counter(s.backend for s in chosen if s.good and s.backend).items())),
        )


def percentile(ordered: Sequence[float], part: float) -> float:
    """The smallest value that `part` percent of `ordered` do not exceed; 0 where there are none."""
    return ordered[max(math.ceil(len(ordered) * part / 100), 1) - 1] if ordered else 0.0


async def run(
    target: HttpTarget, plan: Plan, *, header: str = DEFAULT_HEADER, report: Callable[[Result], None] | None = None
) -> Result:
    """Sends what is planned and waits for the answers. `header` tells who has answered; `report` is called every 5 s."""
    result, connections = Result(), Connections(target)
    open_requests: set[asyncio.Task[None]] = set()
    began = reported = time.monotonic()

    async def one(at: float) -> None:
        status, failure, backend = None, "", ""
        left = max(plan.timeout - (time.monotonic() - began - at), 0.001)
        try:
            answer = await asyncio.wait_for(connections.send(), left)
            status, backend = answer.status, answer.headers.get(header.lower(), "")
        except TimeoutError:
            failure = f"no answer within {plan.timeout:g} s"
        except BrokenAnswerError as error:
            failure = str(error)
        except OSError as error:
            failure = error.strerror or str(error) or type(error).__name__
        latency = time.monotonic() - began - at
        result.samples.append(Sample(at=at, latency=latency, status=status, failure=failure, backend=backend))

    try:
        for at in plan.times():
            await asyncio.sleep(max(began + at - time.monotonic(), 0))
            if len(open_requests) >= plan.most_open:
                failure = f"not sent: {plan.most_open} requests were under way"
                result.samples.append(Sample(at=at, latency=0.0, status=None, failure=failure))
                continue
            task = asyncio.create_task(one(at))
            open_requests.add(task)
            task.add_done_callback(open_requests.discard)
            if report is not None and time.monotonic() - reported >= _REPORT_SECONDS:
                reported = time.monotonic()
                report(result)
        if open_requests:
            await asyncio.wait(open_requests)
    finally:
        for task in open_requests:
            task.cancel()
        connections.close()
    return result


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a run must keep to; `p95` in seconds, None for no limit."""

    error_ratio: float
    p95: float | None

    def broken(self, found: Summary) -> list[str]:
        """What was not kept, in words."""
        words: list[str] = []
        if found.error_ratio > self.error_ratio:
            words.append(f"{found.error_ratio:.2%} of the requests failed; the limit is {self.error_ratio:.2%}")
        if self.p95 is not None and found.latency["p95"] > self.p95:
            words.append(f"P95 is {found.latency['p95']:.3f} s; the limit is {self.p95:.3f} s")
        return words


def text(found: Summary) -> str:
    """A summary for people."""
    lines = [f"requests   {found.requests}, failed {found.error_ratio:.2%}"]
    lines.append("latency    " + "  ".join(f"{name} {value * 1000:.0f} ms" for name, value in found.latency.items()))
    lines += [f"status     {status}: {count}" for status, count in found.statuses.items()]
    lines += [f"no answer  {count}: {reason}" for reason, count in found.failures.items()]
    lines += [f"backend    {name}: {count}" for name, count in found.backends.items()]
    if found.backends:
        lines.append(f"evenness   {found.evenness:.2f} (least busy backend by busiest)")
    return "\n".join(lines)


def _hint(found: Summary) -> str:
    """What is probably wrong where every answer says the same."""
    if found.requests and found.statuses == {"404": found.requests}:
        return (
            "every answer was 404: no route leads to this path. Give the whole address, such as "
            "http://127.0.0.1:18000/NAMESPACE/NAME/v1/completions; make up prints those of its stack, make status all paths."
        )
    if found.requests and found.statuses == {"405": found.requests}:
        return 'every answer was 405: completions want a POST with a body, such as OPTIONS="--body @prompt.json".'
    return ""


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="load-test", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", help="what is requested, such as http://127.0.0.1:8080/inference/chat/predict")
    parser.add_argument("--rate", type=float, default=10, help="requests a second (10)")
    parser.add_argument("--duration", type=float, default=30, help="seconds in all (30)")
    parser.add_argument("--ramp", type=float, default=0, help="seconds of them during which the rate rises from 0 (0)")
    parser.add_argument("--timeout", type=float, default=30, help="seconds that an answer may take (30)")
    parser.add_argument("--method", default="", help="HTTP method (GET, or POST where there is a body)")
    parser.add_argument("--body", default="", help="body of each request, or @FILE")
    parser.add_argument("--header", action="append", default=[], help="NAME: VALUE, may be repeated")
    parser.add_argument("--insecure", action="store_true", help="take any certificate")
    parser.add_argument("--backend-header", default=DEFAULT_HEADER, help=f"tells who has answered ({DEFAULT_HEADER})")
    parser.add_argument("--most-open", type=int, default=2000, help="requests under way at most (2000)")
    parser.add_argument("--max-error-ratio", type=float, default=0.01, help="share that may fail (0.01)")
    parser.add_argument("--max-p95", type=float, default=None, help="seconds that P95 may be (no limit)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    return parser.parse_args(arguments)


def _target(options: argparse.Namespace) -> HttpTarget:
    if not 0 <= options.max_error_ratio <= 1:
        raise TargetError(f"max-error-ratio: {options.max_error_ratio:g} is no share. Write 0 to 1, such as 0.01.")
    headers: dict[str, str] = {}
    for given in options.header:
        name, separator, value = given.partition(":")
        if not separator or not name.strip():
            raise TargetError(f"header: {given!r} has no name and value. Write it as 'NAME: VALUE'.")
        headers[name.strip()] = value.strip()
    body = options.body.encode()
    if options.body.startswith("@"):
        try:
            body = Path(options.body[1:]).read_bytes()
        except OSError as error:
            words = f"body: {options.body[1:]!r}: {error.strerror}. Write @ and the name of a file that can be read."
            raise TargetError(words) from None
    method = (options.method or ("POST" if body else "GET")).upper()
    return HttpTarget.of(options.url, method=method, headers=headers, body=body, insecure=options.insecure)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one test and prints what came of it; returns the exit code."""
    options = _options(arguments)
    try:
        target = _target(options)
        plan = Plan(
            rate=options.rate,
            duration=options.duration,
            ramp=options.ramp,
            timeout=options.timeout,
            most_open=options.most_open,
        )
    except TargetError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2

    def report(result: Result) -> None:
        found = result.summary()
        p95 = found.latency["p95"] * 1000
        sys.stderr.write(f"{found.requests} answered, failed {found.error_ratio:.2%}, P95 {p95:.0f} ms\n")

    try:
        result = asyncio.run(run(target, plan, header=options.backend_header, report=report))
    except KeyboardInterrupt:
        return 130
    found = result.summary()
    print(json.dumps(asdict(found) | {"evenness": found.evenness}, indent=1) if options.json else text(found))
    if hint := _hint(found):
        sys.stderr.write(f"hint: {hint}\n")
    broken = Limits(error_ratio=options.max_error_ratio, p95=options.max_p95).broken(found)
    for words in broken:
        sys.stderr.write(f"error: {words}\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
