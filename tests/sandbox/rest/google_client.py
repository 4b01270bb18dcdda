"""Google's own client libraries as a program that is asked line by line; see `test_google_clients`.

    python -m tests.sandbox.rest.google_client

reads `{"url": …, "token": …, "client": "compute_v1.ZonesClient", "method": "list", "request": {…}}` and writes
`{"answer": …}`, all pages of it, or `{"error": …}`. A library that speaks gRPC alone is given the text of an answer to read:
`{"message": "monitoring_v3.ListAlertPoliciesResponse", "text": …}`. A program of its own, because Pulumi's SDK and these
libraries each register google.rpc.Status, and no process can hold both. The libraries drop fields they do not know without a
word; here such a field is an error.
"""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Any, cast

from google.protobuf import json_format
from google.protobuf.message import Message


def _strictly(parse: Callable[..., Message]) -> Callable[..., Message]:
    def strict(text: str, message: Message, **_: Any) -> Message:
        return parse(text, message)

    return strict


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(part) for part in cast(tuple[Any, ...], value)]
    if isinstance(value, str):
        return value
    message = value if isinstance(value, Message) else type(value).pb(value)
    return json_format.MessageToDict(message)


def _failure(error: Exception) -> dict[str, Any]:
    code: int | None = getattr(error, "code", None)
    return {
        "type": type(error).__name__,
        "code": None if code is None else int(code),
        "message": getattr(error, "message", str(error)),
        "details": list(getattr(error, "details", None) or []),
    }


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    return _read(asked) if "message" in asked else _called(asked)


def _read(asked: dict[str, Any]) -> dict[str, Any]:
    module, name = asked["message"].split(".")
    message = getattr(importlib.import_module(f"google.cloud.{module}"), name)
    try:
        return {"answer": _plain(message.from_json(asked["text"]))}
    except json_format.ParseError as error:
        return {"error": _failure(error)}


def _called(asked: dict[str, Any]) -> dict[str, Any]:
    module, client_name = asked["client"].split(".")
    make = getattr(importlib.import_module(f"google.cloud.{module}"), client_name)
    credentials = importlib.import_module("google.oauth2.credentials").Credentials(asked["token"])
    client = make(credentials=credentials, client_options={"api_endpoint": asked["url"]}, transport="rest")
    try:
        found = getattr(client, asked["method"])(request=asked["request"])
        if hasattr(found, "pages"):
            return {"answer": [_plain(item) for item in cast(Iterable[Any], found)]}
        return {"answer": _plain(found)}
    except Exception as error:  # noqa: BLE001 - which error it is is what is asked
        return {"error": _failure(error)}


def main() -> None:
    """Answers until the input ends."""
    warnings.simplefilter("ignore", FutureWarning)  # how long Google goes on with this Python
    json_format.Parse = _strictly(json_format.Parse)
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
