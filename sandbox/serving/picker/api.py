"""The picker's HTTP face on loopback, see the package's description.

Owns requests, answers, and which requests are in flight. Does not own decisions (`scoring`).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Mapping
from typing import Any, Final, cast

from rules import vllm
from sandbox.serving import prometheus
from sandbox.serving.http import Request, Response, json_response
from sandbox.serving.picker.endpoints import Endpoint
from sandbox.serving.picker.flags import Flags
from sandbox.serving.picker.scoring import Scheduler

_FORGET_SECONDS: Final = 600.0
"""A request whose end is never told counts as ended after that time."""
_GONE_SECONDS: Final = 120.0
"""A server that was no candidate for that long is gone, as in the real prefix index."""
Body = Mapping[str, Any]


class InputError(Exception):
    """The caller's request cannot be used."""


class Api:
    """Answers for one picker."""

    def __init__(self, scheduler: Scheduler, flags: Flags) -> None:
        self._scheduler = scheduler
        self._flags = flags
        self._endpoints: dict[str, Endpoint] = {}
        self._in_flight: dict[str, tuple[Endpoint, float]] = {}
        self._numbers = itertools.count(1)
        self._picked: dict[str, int] = {}

    async def handle(self, request: Request) -> Response:
        """The answer to any request."""
        try:
            match (request.method, request.path):
                case ("POST", "/pick"):
                    return await self._pick(_object(request))
                case ("POST", "/done"):
                    return self._done(_object(request))
                case ("GET", vllm.METRICS_PATH):
                    return Response(body=self.metrics().encode(), content_type=prometheus.CONTENT_TYPE)
                case _:
                    return json_response({"error": "not found"}, 404)
        except InputError as error:
            return json_response({"error": str(error)}, 400)

    def metrics(self) -> str:
        """The picker's own metrics, under the names of llm-d's router."""
        pool = {"name": self._flags.pool_name}
        endpoints = list(self._endpoints.values())
        count = max(len(endpoints), 1)
        lines = [
            *prometheus.sample("llm_d_epp_ready_endpoints", "gauge", pool, len(endpoints)),
            *prometheus.sample(
                "llm_d_epp_average_queue_size", "gauge", pool, sum(e.waiting for e in endpoints) / count
            ),
            *prometheus.sample(
                "llm_d_epp_average_kv_cache_utilization", "gauge", pool, sum(e.kv_usage for e in endpoints) / count
            ),
        ]
        for index, (pod, number) in enumerate(sorted(self._picked.items())):
            lines += prometheus.sample("llm_d_epp_request_total", "counter", {**pool, "pod": pod}, number)[
                bool(index) :
            ]
        return "\n".join(lines) + "\n"

    async def _pick(self, body: Body) -> Response:
        endpoints = self._candidates(body)
        if not endpoints:
            return json_response({"error": "no endpoints available for the given request"}, 503)
        flags = self._flags
        await asyncio.gather(
            *(e.refresh(flags.refresh_seconds, scheme=flags.metrics_scheme, path=flags.metrics_path) for e in endpoints)
        )
        self._expire()
        model, prompt = _request(body)
        decision = self._scheduler.pick(model, prompt, endpoints)
        if decision is None:
            return json_response({"error": "no endpoints available for the given request"}, 503)
        chosen = decision.endpoint
        identity = f"{flags.pool_name}-{next(self._numbers)}"
        self._in_flight[identity] = (chosen, time.monotonic())
        chosen.in_flight += 1
        self._picked[chosen.pod] = self._picked.get(chosen.pod, 0) + 1
        return json_response(
            {
                "id": identity,
                "pod": chosen.pod,
                "address": chosen.address,
                "scores": decision.scores,
                "matches": decision.matches,
                "saturation": decision.saturation,
            }
        )

    def _done(self, body: Body) -> Response:
        entry = self._in_flight.pop(str(body.get("id")), None)
        if entry is None:
            return json_response({"error": "no such request"}, 404)
        entry[0].in_flight -= 1
        return json_response({})

    def _expire(self) -> None:
        moment = time.monotonic()
        limit = moment - _FORGET_SECONDS
        gone = {pod for pod, endpoint in self._endpoints.items() if endpoint.seen < moment - _GONE_SECONDS}
        if gone:
            self._endpoints = {pod: entry for pod, entry in self._endpoints.items() if pod not in gone}
            if self._scheduler.prefix is not None:
                self._scheduler.prefix.forget(set(self._endpoints))
        for identity in [identity for identity, (_, since) in self._in_flight.items() if since < limit]:
            self._in_flight.pop(identity)[0].in_flight -= 1

    def _candidates(self, body: Body) -> list[Endpoint]:
        """The servers of this request; one that moved to another address is a new one with an empty cache."""
        given: object = body.get("candidates")
        if not isinstance(given, list):
            raise InputError("candidates: a list of {pod, address} is needed")
        found: list[Endpoint] = []
        for item in cast("list[object]", given):
            entry = cast("Body", item) if isinstance(item, Mapping) else {}
            pod, address = entry.get("pod"), entry.get("address")
            if not isinstance(pod, str) or not isinstance(address, str) or not address.rpartition(":")[2].isdecimal():
                raise InputError("candidates: each needs pod and address (HOST:PORT)")
            known = self._endpoints.get(pod)
            if known is None or known.address != address:
                if known is not None and self._scheduler.prefix is not None:
                    self._scheduler.prefix.forget(self._endpoints.keys() - {pod})
                known = self._endpoints[pod] = Endpoint(pod, address, entry.get("labels") or {})
            known.seen = time.monotonic()
            found.append(known)
        return found


def _object(request: Request) -> Body:
    try:
        body: object = request.json()
    except ValueError as error:
        raise InputError(f"the body is no JSON: {error}") from None
    if not isinstance(body, dict):
        raise InputError("the body is no object")
    return cast("Body", body)


def _request(body: Body) -> tuple[str, bytes]:
    """Model and prompt: given as such, or read from `body`, a request of the OpenAI API as text."""
    if "body" not in body:
        prompt: object = body.get("prompt", "")
        return str(body.get("model", "")), (prompt if isinstance(prompt, str) else json.dumps(prompt)).encode()
    try:
        inner: object = json.loads(str(body["body"]))
    except ValueError:
        raise InputError("body: no JSON") from None
    request = cast("Body", inner) if isinstance(inner, dict) else {}
    content: object = request.get("messages", request.get("prompt", ""))
    text = content if isinstance(content, str) else json.dumps(content)
    return str(request.get("model", "")), text.encode()
