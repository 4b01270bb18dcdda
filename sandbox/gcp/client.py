"""Talking to the simulated cloud's daemon.

Each call finds the daemon anew through `cloud.json`: it may have been restarted between two calls of one deployment, and
an operation under way is picked up again at its new address. Errors are tried again by the rules of `retries`.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlencode, urlsplit

from sandbox import clock
from sandbox.cloud.errors import CloudError
from sandbox.gcp import retries
from sandbox.gcp.errors import (
    CloudAwayError,
    GivenUpError,
    InterruptedRequestError,
    InterruptedWaitError,
    OperationFailedError,
    TimedOutError,
    UnreadError,
)
from sandbox.gcp.patience import Patience
from sandbox.home import sandbox_home

_TIMEOUT: Final = 90.0
"""Seconds an answer may take; operations are waited for in shorter turns."""
_TURN: Final = 2.0
_GRACE: Final = 30.0
"""Seconds a daemon may be away (being restarted) before waiting for an operation is given up."""


def _silent(_: str) -> None:
    """Takes lines that nobody wants."""


class CloudClient:
    """The cloud of one sandbox."""

    def __init__(self, home: Path | None = None) -> None:
        self._home = home or sandbox_home()
        self.cancelled = threading.Event()
        """Set when the engine asks to stop: operations are no longer waited for."""

    def get(self, kind: str, resource_id: str) -> dict[str, Any] | None:
        """The resource as the cloud has it, or None."""
        try:
            return self._call("GET", f"/resource?{urlencode({'type': kind, 'id': resource_id})}")
        except CloudError as error:
            if error.code == 404:
                return None
            raise

    def create(
        self,
        kind: str,
        resource_id: str,
        project: str,
        properties: dict[str, Any],
        report: Callable[[str], None],
        timeout: float = 0.0,
    ) -> dict[str, Any]:
        """Creates a resource and waits for it, for `timeout` seconds of Google Cloud's or the resource's usual ones.

        Raises:
            CloudError: refused, or failed on the way; the resource may exist all the same.
            GivenUpError: the engine asked to stop.
            UnreadError: it is there, and could not be read.
        """
        body = {"type": kind, "id": resource_id, "project": project, "properties": properties}
        operation = self._perform(kind, "create", ("POST", "/resources", body), report, timeout)
        return self._read_back(kind, str(operation["id"]))

    def update(
        self,
        kind: str,
        resource_id: str,
        properties: dict[str, Any],
        report: Callable[[str], None],
        timeout: float = 0.0,
    ) -> dict[str, Any]:
        """Changes a resource and waits for it (as `create`)."""
        body = {"type": kind, "id": resource_id, "properties": properties}
        self._perform(kind, "update", ("PATCH", "/resource", body), report, timeout)
        return self._read_back(kind, resource_id)

    def delete(self, kind: str, resource_id: str, report: Callable[[str], None], timeout: float = 0.0) -> None:
        """Deletes a resource and waits for its end; one that is gone already is fine (otherwise as `create`)."""
        path = f"/resource?{urlencode({'type': kind, 'id': resource_id})}"
        try:
            self._perform(kind, "delete", ("DELETE", path, None), report, timeout)
        except OperationFailedError:
            raise
        except CloudError as error:
            if error.code != 404:
                raise

    def settle(
        self, kind: str, resource_id: str, report: Callable[[str], None], verb: str = "update", timeout: float = 0.0
    ) -> None:
        """Waits for what is under way with a resource, whoever asked for it, before `verb`; how it ends is not told here.

        Raises:
            TimedOutError: it does not end.
        """
        limit = retries.timeout_of(kind, verb, timeout)
        known: set[str] = set()
        while True:
            unfinished = cast(list[dict[str, Any]], self._call("GET", "/operations")["operations"])
            mine = [o for o in unfinished if (o["type"], o["id"]) == (kind, resource_id) and o["name"] not in known]
            if not mine:
                return
            known.add(mine[0]["name"])
            try:
                self._wait(mine[0], report, limit)
            except TimedOutError:
                raise
            except OperationFailedError:
                continue

    def _read_back(self, kind: str, resource_id: str) -> dict[str, Any]:
        """The resource after its operation; whatever goes wrong here, the operation has succeeded."""
        try:
            found = self.get(kind, resource_id)
        except (CloudError, CloudAwayError, GivenUpError) as error:
            raise UnreadError(resource_id, error) from error
        if found is None:
            raise CloudError(404, f"The resource '{resource_id}' was deleted by somebody else meanwhile", "notFound")
        return found

    def _perform(
        self,
        kind: str,
        verb: str,
        request: tuple[str, str, dict[str, Any] | None],
        report: Callable[[str], None],
        timeout: float,
    ) -> dict[str, Any]:
        """Sends a request until it is taken or refused for good, waits for its operation and answers that."""
        limit = retries.timeout_of(kind, verb, timeout)
        waited = retries.Waited()
        for pause in retries.resource_pauses():
            try:
                operation = self._call(*request, waited=waited, report=report)
                break
            except CloudError as error:
                late = waited.seconds + pause > retries.patience(kind, verb, limit)
                if late or not retries.by_resource(kind, verb, error):
                    raise
                self._pause(pause, waited, report, error)
        else:
            raise AssertionError(request)
        self._wait(operation, report, limit - waited.seconds)
        return operation

    def _pause(self, seconds: float, waited: retries.Waited, report: Callable[[str], None], why: Exception) -> None:
        report(f"trying again: {why}")
        waited.seconds += seconds
        if self.cancelled.wait(seconds / clock.speed()):
            raise InterruptedRequestError(f"interrupted while trying again after: {why}", lost=waited.lost)

    def _wait(self, operation: dict[str, Any], report: Callable[[str], None], limit: float) -> None:
        seen, last_answer = 0, time.monotonic()
        patience = Patience(limit)
        while not operation["done"]:
            interrupted = InterruptedWaitError(
                f"interrupted; {operation['name']} goes on in the cloud", operation["id"]
            )
            if self.cancelled.is_set():
                raise interrupted
            left = patience.left(held=bool(operation.get("held")))
            if left <= 0:
                text = "timeout while waiting for state to become 'DONE' (last state: 'RUNNING', timeout: {})"
                raise TimedOutError(504, text.format(retries.spelled(limit)), "timeout")
            turn = min(_TURN, max(left, clock.SHORTEST_PAUSE))
            path = f"/operations/{operation['name']}?wait={turn:.3f}&seen={seen}"
            try:
                operation = self._call("GET", path)
            except InterruptedRequestError:
                raise interrupted from None
            except CloudAwayError:
                if time.monotonic() - last_answer > _GRACE:
                    raise
                time.sleep(0.2)
                continue
            last_answer = time.monotonic()
            progress = cast(list[str], operation["progress"])
            for line in progress[seen:]:
                report(line)
            seen = len(progress)
        if operation.get("error"):
            raise OperationFailedError.from_json(operation["error"])

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        waited: retries.Waited | None = None,
        report: Callable[[str], None] = _silent,
    ) -> dict[str, Any]:
        """The answer to a request, tried again as the transport of the official provider does."""
        waited = waited or retries.Waited()
        for pause in retries.transport_pauses():
            try:
                return self._ask(method, path, body)
            except CloudError as error:
                if not retries.by_transport(error):
                    raise
                self._pause(pause, waited, report, error)
            except ConnectionResetError as error:  # also: closed without an answer
                waited.lost = True
                self._pause(pause, waited, report, error)
        try:
            return self._ask(method, path, body)
        except ConnectionResetError as error:
            raise CloudAwayError(f"{method} {path.partition('?')[0]}: read: connection reset by peer") from error

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        about = self._about()
        parts = urlsplit(str(about["url"]))
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=_TIMEOUT)
        headers = {"Authorization": f"Bearer {about['token']}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            answer = cast(dict[str, Any], json.loads(response.read()))
        except ConnectionResetError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise CloudAwayError(
                f"the simulated Google Cloud at {about['url']} does not answer ({error}). Start it with `make up`; "
                f"its log is {self._home / 'cloud' / 'cloud.log'}"
            ) from error
        finally:
            connection.close()
        if response.status >= 400:
            raise CloudError.from_json(answer["error"])
        return answer

    def _about(self) -> dict[str, Any]:
        path = self._home / "cloud.json"
        try:
            return cast(dict[str, Any], json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise CloudAwayError(
                f"the simulated Google Cloud is not running: there is no {path}. Start it with `make up`"
            ) from None
