"""The routing bench's clients: what they ask, how they wait, and what a slice of time with them says.

Owns the workload, one streamed request, a closed loop of clients, and the figures of a slice. Does not own servers.

Prompts begin with one of a few long shared texts, as requests of applications with a system prompt or a document do, and end
with a question of their own. Which text a request begins with is drawn evenly by a seeded generator: the n-th request of a
round asks the same in every way.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rules.vllm_performance import BYTES_PER_TOKEN
from sandbox.balancer import wire

_REQUEST_SECONDS: Final = 30.0
_EVENT: Final = b"data: {"


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What is asked. Lengths are tokens."""

    groups: int = 24
    """How many shared beginnings there are."""
    prefix: int = 2048
    question: int = 128
    answer: int = 32
    clients: int = 24
    """Requests under way at any time: a client sends its next one when it has its answer."""

    def cache_blocks(self, block_tokens: int, share: float, servers: int) -> int:
        """Blocks of a server that keeps `share` of the beginnings, besides what its part of the requests needs itself."""
        own = -(-(self.question + self.answer) // block_tokens) * math.ceil(self.clients / servers)
        return round(self.groups * share) * -(-self.prefix // block_tokens) + own

    def prompts(self, seed: str) -> Iterator[str]:
        """The prompts of one round, without end; another seed draws other groups and questions."""
        drawn = random.Random(seed)  # noqa: S311 - a workload is no secret
        for number in itertools.count():
            group = drawn.randrange(self.groups)
            yield _text(f"group {group}", self.prefix) + _text(f"{seed} question {number}", self.question)


def _text(name: str, tokens: int) -> str:
    """A text of that many tokens which begins with its name."""
    size = tokens * BYTES_PER_TOKEN
    return (f"{name}: " + "lorem ipsum " * (size // 12 + 1))[:size]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One answer. Moments are seconds of the monotonic clock; `first` and `last` when the tokens arrived."""

    sent: float
    first: float
    last: float
    tokens: int

    @property
    def first_token(self) -> float:
        """Time to first token, in seconds."""
        return self.first - self.sent


class RequestError(Exception):
    """A request got no answer, or not the one that was asked for."""


async def ask(port: int, host: str, model: str, prompt: str, tokens: int) -> Sample:
    """One streamed completion of exactly `tokens` tokens.

    Raises:
        RequestError: it failed; the message says how.
    """
    asked = {"model": model, "prompt": prompt, "max_tokens": tokens, "ignore_eos": True, "stream": True}
    body = json.dumps(asked).encode()
    headers = [
        ("host", host),
        ("content-type", "application/json"),
        ("content-length", str(len(body))),
        ("connection", "close"),
    ]
    sent = time.monotonic()
    try:
        async with asyncio.timeout(_REQUEST_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(wire.encoded("POST /v1/completions HTTP/1.1", headers) + body)
                await writer.drain()
                return await _streamed(reader, sent, tokens)
            finally:
                writer.close()
    except TimeoutError:
        raise RequestError(f"no answer within {_REQUEST_SECONDS:g} s") from None
    except (OSError, wire.BadMessageError, asyncio.IncompleteReadError) as error:
        raise RequestError(f"{type(error).__name__}: {error}") from None


async def _streamed(reader: asyncio.StreamReader, sent: float, tokens: int) -> Sample:
    head = await wire.read_head(reader)
    if head is None:
        raise RequestError("the connection was closed before an answer")
    moments: list[float] = []
    text = bytearray()
    async for piece in wire.pieces(reader, head, until_closed=True):
        text += piece
        moments += [time.monotonic()] * (text.count(_EVENT) - len(moments))
    if head.second != "200" or len(moments) != tokens:
        raise RequestError(
            f"{head.second} with {len(moments)} of {tokens} tokens: {text[:200].decode(errors='replace')}"
        )
    return Sample(sent=sent, first=moments[0], last=moments[-1], tokens=tokens)


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where requests are sent: a port of this machine, the host that chooses the way, the model."""

    port: int
    host: str
    model: str


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The answers of one run of all clients, and from when to when they were measured."""

    samples: Sequence[Sample]
    since: float
    until: float


async def drive(target: Target, workload: Workload, seed: str, *, before: int, seconds: float) -> Slice:
    """All clients until `before` answers are there, and for `seconds` more, which are measured; what is under way then is
    broken off.

    Raises:
        RequestError: one of the requests failed.
    """
    prompts = workload.prompts(seed)
    samples: list[Sample] = []
    settled = asyncio.Event()

    async def client() -> None:
        while True:
            samples.append(await ask(target.port, target.host, target.model, next(prompts), workload.answer))
            if len(samples) >= before:
                settled.set()

    async def clock() -> float:
        await settled.wait()
        since = time.monotonic()
        await asyncio.sleep(seconds)
        return since

    watch = asyncio.create_task(clock())
    tasks = [asyncio.create_task(client()) for _ in range(workload.clients)]
    await asyncio.wait([watch, *tasks], return_when=asyncio.FIRST_COMPLETED)
    until = time.monotonic()
    for task in tasks:
        if task.done() and (error := task.exception()):
            watch.cancel()
            failed = error
            break
    else:
        failed = None
    for task in tasks:
        task.cancel()
    await asyncio.gather(watch, *tasks, return_exceptions=True)
    if failed is not None:
        raise failed
    return Slice(samples=samples, since=watch.result(), until=until)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one slice says: requests a second, time to first token (median and 95th percentile) and time between tokens in
    seconds, the share of the prompts' tokens that servers had cached, and how long the bench's processes waited for a processor
    for each second that they ran.
    """

    throughput: float
    first_token: float
    first_token_95: float
    between_tokens: float
    cached: float
    waited: float


def figures(measured: Slice, *, cached: float, waited: float) -> Figures | None:
    """Of the answers that ended while it was measured; None when none did."""
    counted = [sample for sample in measured.samples if measured.since <= sample.last <= measured.until]
    if not counted:
        return None
    waits = sorted(sample.first_token for sample in counted)
    gaps = sorted((sample.last - sample.first) / max(sample.tokens - 1, 1) for sample in counted)
    return Figures(
        throughput=len(counted) / (measured.until - measured.since),
        first_token=percentile(waits, 0.5),
        first_token_95=percentile(waits, 0.95),
        between_tokens=percentile(gaps, 0.5),
        cached=cached,
        waited=waited,
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the ordered values that at least `share` of them do not exceed."""
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]
