"""One connection pool to one API server: credentials, TLS, requests, and answers turned into errors.

Owns HTTP. Does not know kinds or objects: see `client`. Thread-safe.
"""

from __future__ import annotations

import json
import re
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import urlencode

import urllib3
import urllib3.exceptions

from .errors import ApiError, UnreachableError
from .kubeconfig import ClientKeyPair, Cluster, TokenSource

_CONNECT_TIMEOUT: Final = 5.0
_CONNECTIONS: Final = 16


class Transport:
    """Requests to the server of `cluster`."""

    def __init__(self, cluster: Cluster) -> None:
        self.server = cluster.server
        self.on_warning: Callable[[str], None] | None = None
        self._cluster = cluster
        self._tokens = TokenSource(cluster.plugin) if cluster.plugin else None
        self._lock = threading.Lock()
        self._pool: urllib3.PoolManager | None = None
        self._pool_pair: ClientKeyPair | None = None

    def close(self) -> None:
        """Drop idle connections."""
        with self._lock:
            if self._pool is not None:
                self._pool.clear()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        timeout: float = 30.0,
    ) -> dict[str, Any]:
        """One request; `timeout` in seconds. An answer that is no JSON object comes back as {"text": …}."""
        response = self._send(method, path, params, body, content_type, timeout)
        if response.status >= 400:
            raise _api_error(response.status, response.data)
        if self.on_warning is not None:
            for warning in response.headers.getlist("Warning"):
                self.on_warning(warning.split('"')[1] if '"' in warning else warning)
        return _decoded(response.data)

    def lines(self, path: str, params: Mapping[str, str], timeout: float) -> Iterator[dict[str, Any]]:
        """The JSON lines of a streaming GET, as they come."""
        response = self._send("GET", path, params, None, "application/json", timeout, stream=True)
        try:
            if response.status >= 400:
                raise _api_error(response.status, response.read())
            rest = b""
            for chunk in response.stream(1 << 20):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if line:
                        yield cast("dict[str, Any]", json.loads(line))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise UnreachableError(self.server, _cause(error)) from error
        finally:
            response.close()

    def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: Any,
        content_type: str,
        timeout: float,
        *,
        stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        for attempt in (1, 2):
            token, pair = self._credentials()
            headers = {"Accept": "application/json", "User-Agent": "sandbox"}
            if token:
                headers["Authorization"] = f"Bearer {token}"
            data = None
            if body is not None:
                headers["Content-Type"] = content_type
                data = json.dumps(body).encode()
            url = self.server + path + (f"?{urlencode(params)}" if params else "")
            try:
                response = self._connections(pair).request(
                    method,
                    url,
                    body=data,
                    headers=headers,
                    timeout=urllib3.Timeout(connect=min(_CONNECT_TIMEOUT, timeout), read=timeout),
                    retries=False,
                    redirect=False,
                    preload_content=not stream,
                )
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise UnreachableError(self.server, _cause(error)) from error
            if response.status == 401 and attempt == 1 and self._tokens is not None:
                response.close()
                self._tokens.refused(token)
                continue
            return response
        raise AssertionError

    def _credentials(self) -> tuple[str | None, ClientKeyPair | None]:
        if self._tokens is None:
            return self._cluster.token, self._cluster.key_pair
        return self._tokens.credentials()

    def _connections(self, pair: ClientKeyPair | None) -> urllib3.PoolManager:
        with self._lock:
            if self._pool is None or self._pool_pair != pair:
                self._pool = _pool(self._cluster, pair)
                self._pool_pair = pair
            return self._pool


def _pool(cluster: Cluster, pair: ClientKeyPair | None) -> urllib3.PoolManager:
    options: dict[str, Any] = {"maxsize": _CONNECTIONS, "block": False}
    if cluster.server.startswith("https:"):
        context = ssl.create_default_context(cadata=cluster.ca_pem)
        if not cluster.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            options["cert_reqs"] = "CERT_NONE"
        if pair is not None:
            _load_pair(context, pair)
        options["ssl_context"] = context
        if cluster.tls_server_name:
            options["server_hostname"] = cluster.tls_server_name
            options["assert_hostname"] = cluster.tls_server_name
    if cluster.proxy_url:
        return urllib3.ProxyManager(cluster.proxy_url, **options)
    return urllib3.PoolManager(**options)


def _load_pair(context: ssl.SSLContext, pair: ClientKeyPair) -> None:
    # the ssl module reads key pairs from files only; NamedTemporaryFile makes them 0600
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(pair.certificate.rstrip("\n") + "\n" + pair.key)
        file.flush()
        context.load_cert_chain(file.name)


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError:
        return {"text": data.decode(errors="replace")}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {"text": data.decode(errors="replace")}


def _api_error(status: int, data: bytes) -> ApiError:
    body = _decoded(data)
    message = str(body.get("message") or body.get("text") or "").strip() or f"HTTP {status}"
    return ApiError(status, str(body.get("reason") or ""), message, body)


def _cause(error: BaseException) -> str:
    # urllib3 puts the repr of the connection or pool before the reason
    return re.sub(r"^<?\w+\(.*?\)>?: ", "", str(error))
