"""The simulated cloud on loopback HTTP, behind a bearer token.

    GET    /healthz                                  200 when resumed, 503 while clusters are still starting
    GET    /stranded                                 clusters that did not come back -> {stranded: {id: why}}
    POST   /revive                                   starts those once more -> the same
    GET    /projects/PROJECT
    GET    /resources?type=&project=                 all of them
    POST   /resources                                {type, id, project, properties} -> operation, with the id it got
    GET    /resource?type=&id=
    PATCH  /resource                                 {type, id, properties} -> operation
    DELETE /resource?type=&id=                       -> operation
    GET    /operations                               unfinished ones
    GET    /operations/NAME?wait=SECONDS&seen=LINES  answers when done, at news, or after SECONDS
    GET    /faults                                   -> {script, struck}: how often each fault has struck
    PUT    /faults, DELETE /faults                   a script in the form of `sandbox.faults`; none

Errors are `{"error": {"code", "message", "reason"}}` with the same HTTP status. Google's own APIs are `sandbox.rest`'s.
"""

from __future__ import annotations

import hmac
import json
import socket
import struct
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, cast
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from sandbox.cloud.cloud import Cloud, as_json
from sandbox.cloud.errors import CloudError, bad_request

REST: Final = ("/compute/v1/", "/v1/projects/", "/v2/projects/", "/v3/projects/")
"""How the paths of Google's own APIs begin, see `sandbox.rest`; none of the others does."""

_LONGEST_WAIT: Final = 60.0
"""Seconds."""

Body = dict[str, Any]


class CloudServer(ThreadingHTTPServer):
    """Serves one cloud on a free port of 127.0.0.1."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, cloud: Cloud, token: str, log: Callable[[str], None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.cloud = cloud
        self.token = token
        self.log = log
        self.ready = False

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Reads."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Creates."""
        self._answer(self._post)

    def do_PUT(self) -> None:
        """Replaces."""
        self._answer(self._put)

    def do_PATCH(self) -> None:
        """Updates."""
        self._answer(self._patch)

    def do_DELETE(self) -> None:
        """Deletes."""
        self._answer(self._delete)

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Keeps requests out of the log; operations are logged where they happen."""

    @property
    def _server(self) -> CloudServer:
        return cast(CloudServer, self.server)

    def _answer(self, handle: Callable[[str, dict[str, str], Body], Body]) -> None:
        parts = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        try:
            body = self._read()
            if parts.path == "/healthz":
                status = 200 if self._server.ready else 503
                self._send(status, {"status": "ok" if self._server.ready else "starting clusters"})
                return
            self._authorize()
            if parts.path.startswith(REST):
                handle = self._rest
            self._send(200, handle(parts.path, query, body))
        except _ResponseLostError:
            self._reset()
        except CloudError as error:
            self._send(error.code, self._envelope(parts.path, error))
        except (KeyError, TypeError, ValueError) as error:
            self._send(400, self._envelope(parts.path, bad_request(f"malformed request: {error!r}")))
        except Exception as error:  # noqa: BLE001 - a fault of the daemon is an answer too, and it stays up
            self._server.log(f"{self.command} {self.path}: {error!r}")
            self._send(500, self._envelope(parts.path, CloudError(500, f"{error!r}", "internalError")))

    def _rest(self, path: str, query: dict[str, str], body: Body) -> Body:
        from sandbox.rest import face  # noqa: PLC0415 - whoever only applies a stack does not ask it

        return face.answer(self._server.cloud, self.command, path, query, body)

    @staticmethod
    def _envelope(path: str, error: CloudError) -> Body:
        if not path.startswith(REST):
            return {"error": error.as_json()}
        from sandbox.rest.request import envelope  # noqa: PLC0415 - as above

        return envelope(error)

    def _read(self) -> Body:
        length = int(self.headers.get("Content-Length") or 0)
        return cast(Body, json.loads(self.rfile.read(length))) if length else {}

    def _authorize(self) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._server.token.encode()):
            raise CloudError(401, "Request had invalid authentication credentials.", "authError")

    def _send(self, status: int, body: Body) -> None:
        content = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except ConnectionError:
            self.close_connection = True

    def _reset(self) -> None:
        """Drops the connection without an answer; the client sees it reset by its peer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _unless_lost(self, verb: str, kind: str, resource_id: str, operation: Body) -> Body:
        if self._server.cloud.loses_response(verb, kind, resource_id):
            raise _ResponseLostError
        return operation

    def _get(self, path: str, query: dict[str, str], _: Body) -> Body:
        cloud = self._server.cloud
        if path == "/resources":
            return {"resources": [as_json(r) for r in cloud.all(query.get("type"), query.get("project"))]}
        if path == "/resource":
            return as_json(cloud.get(query["type"], query["id"]))
        plain: dict[str, Callable[[], Body]] = {
            "/stranded": lambda: {"stranded": dict(cloud.revival.stranded)},
            "/faults": cloud.faults.as_json,
            "/operations": lambda: {"operations": cloud.operations.unfinished()},
        }
        if path in plain:
            return plain[path]()
        if path.startswith("/operations/"):
            name = path.removeprefix("/operations/")
            seconds = min(float(query.get("wait", "0")), _LONGEST_WAIT)
            seen = int(query["seen"]) if "seen" in query else None
            operation = cloud.operations.wait(name, seconds, seen)
            if operation is None:
                raise CloudError(404, f"Not found: {name}.", "notFound")
            return operation
        if path.startswith("/projects/"):
            return cloud.project(path.removeprefix("/projects/"))
        raise _no_route(path)

    def _post(self, path: str, _: dict[str, str], body: Body) -> Body:
        if path == "/resources":
            operation = self._server.cloud.create(body["type"], body["id"], body["project"], body["properties"])
            return self._unless_lost("create", body["type"], operation["id"], operation)
        if path == "/revive":
            return {"stranded": self._server.cloud.revival.again()}
        raise _no_route(path)

    def _put(self, path: str, _: dict[str, str], body: Body) -> Body:
        if path == "/faults":
            from sandbox import faults  # noqa: PLC0415 - a daemon without faults does without pydantic

            try:
                self._server.cloud.faults.play(faults.parse(body, self._server.cloud.types))
            except faults.FaultScriptError as error:
                raise bad_request(str(error)) from None
            return self._server.cloud.faults.as_json()
        raise _no_route(path)

    def _patch(self, path: str, _: dict[str, str], body: Body) -> Body:
        if path == "/resource":
            operation = self._server.cloud.update(body["type"], body["id"], body["properties"])
            return self._unless_lost("update", body["type"], body["id"], operation)
        raise _no_route(path)

    def _delete(self, path: str, query: dict[str, str], _: Body) -> Body:
        if path == "/resource":
            operation = self._server.cloud.delete(query["type"], query["id"])
            return self._unless_lost("delete", query["type"], query["id"], operation)
        if path == "/faults":
            self._server.cloud.faults.clear()
            return {}
        raise _no_route(path)


class _ResponseLostError(Exception):
    """The answer is not to be sent: a fault has lost it."""


def _no_route(path: str) -> CloudError:
    return CloudError(404, f"The requested URL {path} was not found on this server.", "notFound")
