"""Asking an InferencePool's endpoint picker which server gets a request.

Owns the calls to the stand-in of the endpoint picker (`sandbox.serving.picker`) and what its failure means: `failureMode`
FailOpen takes any healthy endpoint, FailClose refuses the request. An answer that the picker gives the client itself (no
capacity, a body that is no request) is passed on, as Envoy does with an immediate response. On GKE the call is Envoy's
external processing on the same port; here it is one HTTP request with the body, the healthy candidates and the headers, and
a second one when the request has ended. A server whose container is down is no candidate, although the load balancer still
takes it for healthy: real pickers leave out pods that are not Ready.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sandbox.balancer import wire
from sandbox.balancer.health import BackendHealth, State

_TIMEOUT = 5.0
_ANSWER_LIMIT = 1024 * 1024
_IMMEDIATE = frozenset({400, 429, 503})
_CANDIDATES = "candidates"
"""Field of the question, with which the stand-in begins what it says of it."""

Object = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """A request the picker counts as running on the server it chose: its own `port` and `name` of it."""

    port: int
    name: str


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Where a request goes: to `state`, or nowhere, with `refusal` where the picker has answered it itself."""

    state: State | None = None
    refusal: tuple[int, str] | None = None
    ticket: Ticket | None = None


async def pick(backend: BackendHealth, pickers: BackendHealth | None, body: bytes, headers: wire.Headers) -> Choice:
    """The endpoint for a request with that body to a pool."""
    candidates = [state for state in backend.healthy() if state.endpoint.local is not None]
    picker = backend.spec.picker
    if not candidates or picker is None:
        return Choice(state=backend.pick())
    chosen = pickers.pick() if pickers is not None else None
    port = chosen.endpoint.local if chosen is not None else None
    if port is not None:
        with suppress(OSError, wire.BadMessageError, ValueError, KeyError, TypeError):
            status, answer = await _call(port, "/pick", _question(candidates, body, headers))
            if status in _IMMEDIATE and not _about_us(status, answer):
                return Choice(refusal=(status, str(answer["error"])))
            where = str(answer["address"])
            fitting = [state.endpoint for state in candidates if _address(state) == where]
            if status == 200 and fitting:
                return Choice(state=backend.pick(fitting), ticket=Ticket(port=port, name=str(answer["id"])))
    return Choice(state=backend.pick() if picker.fail_open else None)


async def done(ticket: Ticket) -> None:
    """Tells the picker that a request has ended."""
    with suppress(OSError, wire.BadMessageError, ValueError):
        await _call(ticket.port, "/done", {"id": ticket.name})


def _question(candidates: list[State], body: bytes, headers: wire.Headers) -> Object:
    return {
        **({"body": body.decode(errors="replace")} if body else {}),
        "headers": {name.lower(): value for name, value in headers},
        _CANDIDATES: [
            {"pod": state.endpoint.pod, "address": _address(state), "labels": dict(state.endpoint.labels)}
            for state in candidates
        ],
    }


def _about_us(status: int, answer: Object) -> bool:
    """Whether the picker complains of what the load balancer has said: a failure of the call, and no answer to a client."""
    return status == 400 and str(answer["error"]).startswith(_CANDIDATES)


async def _call(port: int, path: str, content: Object) -> tuple[int, Object]:
    headers = [("host", f"127.0.0.1:{port}"), ("content-type", "application/json")]
    async with asyncio.timeout(_TIMEOUT):
        body = json.dumps(content).encode()
        status, answer = await wire.fetch(port, "POST", path, headers=headers, body=body, limit=_ANSWER_LIMIT)
    return status, json.loads(answer)


def _address(state: State) -> str:
    return f"127.0.0.1:{state.endpoint.local}"
