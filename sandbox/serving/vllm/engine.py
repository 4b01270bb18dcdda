"""How long requests take on one server: queue, prefill, decoding.

Owns the model of time; all its figures are in `rules.vllm_performance`, so the same requests in the same order always take
the same time. The model:

- A request waits until there is a place in the batch, enough free KV blocks, and the prefill before it is done. While it
  waits it counts as waiting, as in vLLM's scheduler. First come, first served.
- Prefill takes `uncached prompt tokens / rate`, one request after another. Blocks that the prefix cache holds cost nothing;
  the last prompt token is always computed, as in vLLM.
- Then one output token follows the other at a fixed interval, in parallel with all other requests.

The blocks of the answer are taken at once instead of step by step, so nothing is ever preempted. Seconds are real ones, not
scaled by SANDBOX_SPEED: clients and load balancers wait for them with real timeouts.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from rules import vllm_metrics, vllm_performance
from rules.vllm_performance import BYTES_PER_TOKEN
from sandbox.serving import prometheus
from sandbox.serving.vllm.arguments import Settings
from sandbox.serving.vllm.cache import Allocation, BlockCache, chain

_VOCABULARY: Final = (
    "all and any are ask bar bed big box boy but buy can car cup cut day dog dry due ear eat end eye far few fit fly for get "
    "gas god got gun guy had has her him hit hot how ice its job key kid law lay leg let lie lot low man map may men met mix "
    "new nor not now off oil old one our out own pay per put ran raw red run sad saw say sea see set she sir sit six sky son "
    "sun tax tea ten the tie too top try two use via war was way web who why win won yes yet you"
)
_WORDS: Final = tuple(_VOCABULARY.split())
"""Words of three letters: with its space each is one token of four bytes."""
_SHORTEST_ANSWER: Final = 32
_SPREAD: Final = 96
"""An answer ends by itself after 32 to 127 tokens, as the prompt's hash says."""


def token_count(text: bytes) -> int:
    """Tokens of a text: its bytes by the mean length of a token."""
    return -(-len(text) // BYTES_PER_TOKEN)


def answer(prompt: bytes, limit: int, *, ignore_end: bool = False) -> tuple[list[str], str]:
    """The tokens a model would give and why it ends: made from the prompt, so that equal prompts get equal answers."""
    seed = blake2b(prompt, digest_size=8).digest()
    natural = limit if ignore_end else _SHORTEST_ANSWER + seed[0] % _SPREAD
    state = int.from_bytes(seed, "big")
    words: list[str] = []
    for _ in range(min(natural, limit)):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        words.append(" " + _WORDS[(state >> 33) % len(_WORDS)])
    return words, "stop" if natural < limit else "length"


@dataclass
class Job:
    """One request inside the engine."""

    prompt: bytes
    tokens: list[str]
    reason: str
    hashes: list[bytes]
    prompt_tokens: int
    arrived: float
    started: asyncio.Future[None]
    allocation: Allocation | None = None
    prefilled: bool = False
    produced: int = 0
    cached_tokens: int = 0


class Engine:
    """One server's scheduler. `speed` makes it that many times faster than a real one."""

    def __init__(self, settings: Settings, *, speed: float = 1.0) -> None:
        self._settings = settings
        self._speed = speed
        self._cache = BlockCache(settings.blocks, caching=settings.prefix_caching)
        self._waiting: deque[Job] = deque()
        self._running = 0
        self._prefilling = False
        self._counters = dict.fromkeys(
            (
                *(vllm_metrics.PREFIX_QUERIES, vllm_metrics.PREFIX_HITS),
                *(vllm_metrics.PROMPT_TOKENS, vllm_metrics.GENERATION_TOKENS),
            ),
            0,
        )
        self._finished = {"stop": 0, "length": 0, "abort": 0}
        self._first_token = prometheus.Histogram(
            vllm_metrics.TIME_TO_FIRST_TOKEN, vllm_metrics.TIME_TO_FIRST_TOKEN_BUCKETS
        )
        self._latency = prometheus.Histogram(vllm_metrics.END_TO_END_LATENCY, vllm_metrics.REQUEST_LATENCY_BUCKETS)
        self._queued = prometheus.Histogram(vllm_metrics.QUEUE_TIME, vllm_metrics.REQUEST_LATENCY_BUCKETS)

    def job(self, prompt: bytes, limit: int, *, ignore_end: bool = False) -> Job:
        """A request for at most `limit` tokens. Nothing happens before `run`."""
        tokens, reason = answer(prompt, limit, ignore_end=ignore_end)
        return Job(
            prompt=prompt,
            tokens=tokens,
            reason=reason,
            hashes=chain(prompt, self._settings.block_tokens),
            prompt_tokens=token_count(prompt),
            arrived=time.monotonic(),
            started=asyncio.get_running_loop().create_future(),
        )

    async def run(self, job: Job, *, stream: bool) -> AsyncGenerator[str]:
        """The tokens as they are made; all in one piece at the end without `stream`. Closing it early aborts."""
        self._waiting.append(job)
        self._admit()
        reason = "abort"
        try:
            await job.started
            self._queued.observe(time.monotonic() - job.arrived)
            await self._prefill(job)
            began = time.monotonic()
            self._first_token.observe(began - job.arrived)
            step = vllm_performance.SECONDS_PER_OUTPUT_TOKEN / self._speed
            if stream:
                for index, token in enumerate(job.tokens):
                    await asyncio.sleep(max(began + index * step - time.monotonic(), 0))
                    job.produced = index + 1
                    yield token
            else:
                await asyncio.sleep(max(len(job.tokens) - 1, 0) * step)
                job.produced = len(job.tokens)
                yield "".join(job.tokens)
            reason = job.reason
        finally:
            self._end(job, reason)

    def metrics(self) -> str:
        """The text of /metrics."""
        engine = {"engine": "0", vllm_metrics.MODEL_LABEL: self._settings.names[0]}
        cache = {
            "block_size": str(self._settings.block_tokens),
            "cache_dtype": "auto",
            "enable_prefix_caching": str(self._settings.prefix_caching),
            "engine": "0",
            "num_gpu_blocks": str(self._settings.blocks),
        }
        lines = [
            *prometheus.sample(vllm_metrics.RUNNING, "gauge", engine, self._running),
            *prometheus.sample(vllm_metrics.WAITING, "gauge", engine, len(self._waiting)),
            *prometheus.sample(vllm_metrics.KV_CACHE_USAGE, "gauge", engine, self._cache.usage),
            *prometheus.sample(vllm_metrics.CACHE_CONFIG, "gauge", cache, 1),
        ]
        for name, value in self._counters.items():
            lines += prometheus.sample(name, "counter", engine, value)
        for index, (reason, count) in enumerate(self._finished.items()):
            found = prometheus.sample(
                vllm_metrics.REQUEST_SUCCESS, "counter", {**engine, "finished_reason": reason}, count
            )
            lines += found[1 if index else 0 :]
        for histogram in (self._first_token, self._latency, self._queued):
            lines += histogram.text(engine)
        return "\n".join(lines) + "\n"

    def _admit(self) -> None:
        """Starts the request that waits longest, when there is room; only one prefill at a time."""
        while self._waiting and not self._prefilling and self._running < self._settings.max_requests:
            job = self._waiting[0]
            if job.started.cancelled():
                self._waiting.popleft()
                continue
            blocks = -(-(job.prompt_tokens + len(job.tokens)) // self._settings.block_tokens)
            allocation = self._cache.allocate(job.hashes, blocks - len(job.hashes))
            if allocation is None:
                return
            self._waiting.popleft()
            self._running += 1
            self._prefilling = True
            job.allocation = allocation
            size = self._settings.block_tokens
            job.cached_tokens = min(allocation.hit_blocks, max(job.prompt_tokens - 1, 0) // size) * size
            job.started.set_result(None)

    async def _prefill(self, job: Job) -> None:
        computed = job.prompt_tokens - job.cached_tokens
        self._counters[vllm_metrics.PROMPT_TOKENS] += job.prompt_tokens
        if self._settings.prefix_caching:
            self._counters[vllm_metrics.PREFIX_QUERIES] += job.prompt_tokens
            self._counters[vllm_metrics.PREFIX_HITS] += job.cached_tokens
        seconds = vllm_performance.REQUEST_OVERHEAD_SECONDS + computed / vllm_performance.PREFILL_TOKENS_PER_SECOND
        try:
            await asyncio.sleep(seconds / self._speed)
        finally:
            job.prefilled = True
            self._prefilling = False
            self._admit()

    def _end(self, job: Job, reason: str) -> None:
        if job.allocation is None:
            if job in self._waiting:
                self._waiting.remove(job)
        else:
            made = "".join(job.tokens[: job.produced]).encode()
            whole = chain(job.prompt + made, self._settings.block_tokens)
            self._cache.release(job.allocation, whole[len(job.hashes) :])
            self._running -= 1
            if not job.prefilled:  # given up between its turn and its prefill
                self._prefilling = False
        self._finished[reason] += 1
        self._counters[vllm_metrics.GENERATION_TOKENS] += job.produced
        self._latency.observe(time.monotonic() - job.arrived)
        self._admit()
