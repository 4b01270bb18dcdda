"""The paths of vLLM's OpenAI server: what they take, what they answer, and the errors in vLLM's form.

Owns requests and answers. Does not own how long they take (`engine`). Everything that is not listed is 404, `/` included: that
is what GKE's default health check runs into.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, cast

from rules import vllm
from sandbox.serving import prometheus
from sandbox.serving.http import Request, Response, json_response
from sandbox.serving.vllm.arguments import Settings
from sandbox.serving.vllm.engine import Engine, Job, token_count

_COMPLETION_DEFAULT_TOKENS: Final = 16
VERSION: Final = "0.27.0"
Body = Mapping[str, Any]


class ApiError(Exception):
    """An answer in the form of vLLM's ErrorResponse."""

    def __init__(self, status: int, kind: str, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": parameter, "code": status}}


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request for tokens, checked."""

    identity: str
    model: str
    chat: bool
    stream: bool
    usage: bool
    limit: int
    ignore_end: bool
    prompts: tuple[bytes, ...]
    choices: int


class Api:
    """Answers for one server."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._started = int(time.time())

    async def handle(self, request: Request) -> Response:
        """The answer to any request."""
        methods = {
            vllm.HEALTH_PATH: "GET",
            "/ping": "GET POST",
            "/version": "GET",
            vllm.METRICS_PATH: "GET",
            vllm.MODELS_PATH: "GET",
            vllm.COMPLETIONS_PATH: "POST",
            vllm.CHAT_COMPLETIONS_PATH: "POST",
        }.get(request.path)
        if methods is None:
            return json_response({"detail": "Not Found"}, 404)
        if request.method not in methods.split():
            return json_response({"detail": "Method Not Allowed"}, 405)
        if request.path.startswith("/v1/") and not self._allowed(request):
            return json_response({"error": "Unauthorized"}, 401)
        try:
            return await self._answer(request)
        except ApiError as error:
            return json_response(error.body, error.status)

    def _allowed(self, request: Request) -> bool:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return not self._settings.api_keys or token in self._settings.api_keys

    async def _answer(self, request: Request) -> Response:
        if request.path in {vllm.HEALTH_PATH, "/ping"}:
            return Response()
        if request.path == "/version":
            return json_response({"version": VERSION})
        if request.path == vllm.METRICS_PATH:
            return Response(body=self._engine.metrics().encode(), content_type=prometheus.CONTENT_TYPE)
        if request.path == vllm.MODELS_PATH:
            return json_response({"object": "list", "data": [self._card(name) for name in self._settings.names]})
        call = self._call(request)
        if call.stream:
            return Response(stream=self._streamed(call), content_type="text/event-stream; charset=utf-8")
        return json_response(await self._complete(call))

    def _card(self, name: str) -> dict[str, Any]:
        return {
            "id": name,
            "object": "model",
            "created": self._started,
            "owned_by": "vllm",
            "root": self._settings.model,
            "parent": None,
            "max_model_len": self._settings.max_model_length,
        }

    def _call(self, request: Request) -> Call:
        body = _object(request)
        name = body.get("model") or self._settings.names[0]
        if name not in self._settings.names:
            raise ApiError(404, "NotFoundError", f"The model `{name}` does not exist.", "model")
        chat = request.path == vllm.CHAT_COMPLETIONS_PATH
        prompts = (_conversation(body),) if chat else _prompts(body)
        stream = body.get("stream") is True
        options: object = body.get("stream_options")
        longest = max(token_count(prompt) for prompt in prompts)
        return Call(
            identity=f"{'chatcmpl' if chat else 'cmpl'}-{request.headers.get('x-request-id') or uuid.uuid4().hex}",
            model=name,
            chat=chat,
            stream=stream,
            usage=isinstance(options, dict) and cast("Body", options).get("include_usage") is True,
            limit=self._limit(body, longest, chat=chat),
            ignore_end=body.get("ignore_eos") is True,
            prompts=prompts,
            choices=_positive(body, "n", 1),
        )

    def _limit(self, body: Body, prompt_tokens: int, *, chat: bool) -> int:
        """How many tokens may be made; vLLM refuses what cannot fit, it does not shorten."""
        context = self._settings.max_model_length
        field = "max_completion_tokens" if chat and body.get("max_completion_tokens") else "max_tokens"
        room = context - prompt_tokens
        wanted = _positive(body, field, max(room, 1) if chat else _COMPLETION_DEFAULT_TOKENS)
        if room < 1 or wanted > room:
            raise ApiError(
                400,
                "BadRequestError",
                f"This model's maximum context length is {context} tokens. However, you requested {wanted} output tokens and "
                f"your prompt contains {prompt_tokens} input tokens, for a total of {wanted + prompt_tokens} tokens. Please "
                "reduce the length of the input prompt or the number of requested output tokens.",
                "input_tokens",
            )
        return wanted

    def _jobs(self, call: Call) -> list[Job]:
        return [
            self._engine.job(prompt, call.limit, ignore_end=call.ignore_end)
            for prompt in call.prompts
            for _ in range(call.choices)
        ]

    async def _complete(self, call: Call) -> dict[str, Any]:
        choices: list[dict[str, Any]] = []
        jobs = self._jobs(call)
        for index, job in enumerate(jobs):
            async with aclosing(self._engine.run(job, stream=False)) as pieces:
                text = "".join([piece async for piece in pieces])
            content = {"message": {"role": "assistant", "content": text}} if call.chat else {"text": text}
            choices.append({"index": index, **content, "logprobs": None, "finish_reason": job.reason})
        head = self._head(call, "chat.completion" if call.chat else "text_completion")
        return {**head, "choices": choices, "usage": _usage(jobs)}

    async def _streamed(self, call: Call) -> AsyncGenerator[bytes]:
        head = self._head(call, "chat.completion.chunk" if call.chat else "text_completion")
        jobs = self._jobs(call)
        for index, job in enumerate(jobs):
            async with aclosing(self._engine.run(job, stream=True)) as pieces:
                number = 0
                async for piece in pieces:
                    if call.chat and not number:
                        yield _event({**head, "choices": [_chunk(index, {"role": "assistant", "content": ""}, None)]})
                    number += 1
                    reason = job.reason if number == len(job.tokens) else None
                    choice = (
                        _chunk(index, {"content": piece}, reason)
                        if call.chat
                        else {"index": index, "text": piece, "logprobs": None, "finish_reason": reason}
                    )
                    yield _event({**head, "choices": [choice]})
        if call.usage:
            yield _event({**head, "choices": [], "usage": _usage(jobs)})
        yield b"data: [DONE]\n\n"

    def _head(self, call: Call, kind: str) -> dict[str, Any]:
        return {"id": call.identity, "object": kind, "created": int(time.time()), "model": call.model}


def _chunk(index: int, delta: Mapping[str, str], reason: str | None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


def _usage(jobs: list[Job]) -> dict[str, Any]:
    prompt, produced = sum(job.prompt_tokens for job in jobs), sum(job.produced for job in jobs)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": produced,
        "total_tokens": prompt + produced,
        "prompt_tokens_details": {"cached_tokens": sum(job.cached_tokens for job in jobs)},
    }


def _object(request: Request) -> Body:
    try:
        body: object = request.json()
    except ValueError as error:
        raise ApiError(400, "Bad Request", f"JSON decode error: {error}") from None
    if not isinstance(body, dict):
        raise ApiError(400, "Bad Request", "Input should be a valid dictionary")
    return cast("Body", body)


def _positive(body: Body, field: str, default: int) -> int:
    value: object = body.get(field)
    if value is None:
        return default
    if not isinstance(value, int) or value < 1:
        raise ApiError(400, "BadRequestError", f"{field} must be at least 1, got {value}.", field)
    return value


def _prompts(body: Body) -> tuple[bytes, ...]:
    """The prompt: a text, token numbers, or several of either."""
    prompt: object = body.get("prompt")
    if isinstance(prompt, str):
        return (prompt.encode(),)
    if isinstance(prompt, list) and prompt:
        items = cast("list[object]", prompt)
        if all(isinstance(item, int) for item in items):
            return (_tokens(items),)
        if all(isinstance(item, str) for item in items):
            return tuple(str(item).encode() for item in items)
        if all(isinstance(item, list) for item in items):
            return tuple(_tokens(cast("list[object]", item)) for item in items)
    raise ApiError(400, "BadRequestError", "Either prompt or prompt_embeds must be provided and non-empty.", "prompt")


def _tokens(numbers: list[object]) -> bytes:
    return b"".join((int(str(number)) % 2**32).to_bytes(4, "big") for number in numbers)


def _conversation(body: Body) -> bytes:
    """The messages as one prompt, as a chat template renders them: a longer conversation begins like a shorter one."""
    messages: object = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ApiError(400, "BadRequestError", "messages: Field required", "messages")
    parts: list[str] = []
    for message in cast("list[object]", messages):
        if not isinstance(message, dict):
            raise ApiError(400, "BadRequestError", "messages: Input should be a valid dictionary", "messages")
        entry = cast("Body", message)
        content: object = entry.get("content")
        text = content if isinstance(content, str) else json.dumps(content)
        parts.append(f"<|im_start|>{entry.get('role', 'user')}\n{text}<|im_end|>\n")
    return ("".join(parts) + "<|im_start|>assistant\n").encode()
