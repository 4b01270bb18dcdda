"""What one stand-in serves and where: from its image, its container's arguments and its environment.

Owns reading them. `--endpoint=ROLE:/PATH` in the container's arguments or SANDBOX_HTTP_ENDPOINTS (`ROLE:/PATH,…`) replace the
image's own paths; `--port` or PORT its port. Other arguments are the image's own business and are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rules.http_servers import SERVERS, HttpServer, Role

ENDPOINTS: Final = "SANDBOX_HTTP_ENDPOINTS"
_ROLES: Final[Mapping[str, Role]] = {
    "health": "live",
    "live": "live",
    "liveness": "live",
    "ready": "ready",
    "readiness": "ready",
    "startup": "startup",
    "metrics": "metrics",
    "info": "info",
    "serve": "serve",
    "serving": "serve",
}
_PORT_VARIABLES: Final = ("PORT", "IMPETUS_PORT")


class OptionError(Exception):
    """The process ends at once; the message says what to write."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """One server."""

    server: HttpServer
    impetus: bool


def parse(image: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Options:
    """What the container serves. `image` is its repository.

    Raises:
        OptionError: an endpoint or port that cannot be used.
    """
    name = image.rpartition("/")[2]
    base = SERVERS.get(name, SERVERS["inference"])
    declared = [value for value in environment.get(ENDPOINTS, "").split(",") if value]
    port = next((environment[name] for name in _PORT_VARIABLES if environment.get(name)), str(base.port))
    words = iter(arguments)
    for word in words:
        flag, separator, value = word.partition("=")
        if flag in {"--endpoint", "--port"}:
            value = value if separator else next(words, "")
            if flag == "--port":
                port = value
            else:
                declared.append(value)
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise OptionError(f"port {port!r}: write a number from 1 to 65535")
    paths = dict(_endpoint(value) for value in declared) or dict(base.paths)
    return Options(server=HttpServer(port=int(port), paths=paths), impetus=name == "impetus-llm-server")


def _endpoint(text: str) -> tuple[str, Role]:
    role, _, path = text.partition(":")
    if role not in _ROLES or not path.startswith("/"):
        raise OptionError(f"endpoint {text!r}: write ROLE:/PATH with ROLE one of {', '.join(_ROLES)}")
    return path, _ROLES[role]
