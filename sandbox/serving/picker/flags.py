"""The picker's command line, read as pflag reads it.

Owns reading and refusing. Does not own which flags there are (`rules.endpoint_picker_flags`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rules import endpoint_picker_flags as known

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|s|m|h)")
_UNITS: Final = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class FlagError(Exception):
    """The picker ends at once: 2 from the parser, 1 from its own checks."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, kw_only=True)
class Flags:
    """The command line, checked."""

    pool_name: str
    pool_namespace: str
    pool_group: str
    config: str
    grpc_port: int
    health_port: int
    metrics_port: int
    metrics_scheme: str
    metrics_path: str
    refresh_seconds: float
    secure: bool
    certificates: str | None
    leader_election: bool


def seconds(text: str) -> float:
    """A Go duration such as `200ms` or `1m30s`.

    Raises:
        ValueError: it is none.
    """
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f'time: invalid duration "{text}"')
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def parse(arguments: Sequence[str], *, namespace: str, root: Path | None) -> Flags:
    """Reads the arguments after `/app/epp`. `root` holds the container's files.

    Raises:
        FlagError: the real picker ends with them.
    """
    values = _values(arguments)
    for name in sorted(known.REFUSED & values.keys()):
        raise FlagError(
            f'flag "{name}" is deprecated and cannot be used; configure metrics via engineConfigs in EndpointPickerConfig '
            "instead",
            1,
        )
    if not values.get("pool-name") and not values.get("endpoint-selector"):
        raise FlagError("either pool-name or endpoint-selector must be set", 1)
    if values.get("config-text") and values.get("config-file"):
        raise FlagError('both the "configText" and "configFile" flags can not be set at the same time', 1)
    scheme = values.get("model-server-metrics-scheme", "http")
    if scheme not in {"http", "https"}:
        raise FlagError(
            f'unexpected "{scheme}" value for "model-server-metrics-scheme" flag, it can only be set to \'http\' or '
            "'https'",
            1,
        )
    return Flags(
        pool_name=values.get("pool-name", ""),
        pool_namespace=values.get("pool-namespace") or namespace,
        pool_group=values.get("pool-group", known.POOL_GROUP),
        config=_config(values, root),
        grpc_port=_number(values, "grpc-port", known.GRPC_PORT),
        health_port=_number(values, "grpc-health-port", known.HEALTH_PORT),
        metrics_port=_number(values, "metrics-port", known.METRICS_PORT),
        metrics_scheme=scheme,
        metrics_path=values.get("model-server-metrics-path", "/metrics"),
        refresh_seconds=_duration(values, "refresh-metrics-interval", known.REFRESH_MILLISECONDS / 1000),
        secure=_boolean(values, "secure-serving", default=True),
        certificates=values.get("cert-path") or None,
        leader_election=_boolean(values, "ha-enable-leader-election", default=False),
    )


def _values(arguments: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            continue  # KServe's templates leave empty words; pflag takes them for positional arguments, which nobody reads
        if word == "--":
            break
        written, separator, value = word.lstrip("-").partition("=")
        name = re.sub(r"(?<=[a-z])([A-Z])", lambda found: f"-{found.group(1).lower()}", written)
        if name in known.SWITCHES:
            values[name] = value if separator else "true"
        elif name in known.VALUED or name in known.REFUSED:
            given = value if separator else next(words, None)
            if given is None:
                raise FlagError(f"flag needs an argument: --{written}", 2)
            values[name] = given
        else:
            raise FlagError(f"unknown flag: --{written}", 2)
    return values


def _config(values: dict[str, str], root: Path | None) -> str:
    path = values.get("config-file")
    if not path:
        return values.get("config-text", "")
    file = Path(path) if root is None else root / path.lstrip("/")
    try:
        return file.read_text()
    except OSError as error:
        raise FlagError(f"failed to load config from a file '{path}' - {error.strerror}", 1) from None


def _number(values: dict[str, str], name: str, default: int) -> int:
    try:
        return int(values.get(name, default))
    except ValueError:
        raise FlagError(f'invalid argument "{values[name]}" for "--{name}" flag: parsing: invalid syntax', 2) from None


def _duration(values: dict[str, str], name: str, default: float) -> float:
    try:
        return seconds(values[name]) if name in values else default
    except ValueError as error:
        raise FlagError(f'invalid argument "{values[name]}" for "--{name}" flag: {error}', 2) from None


def _boolean(values: dict[str, str], name: str, *, default: bool) -> bool:
    text = values.get(name)
    if text is None:
        return default
    if text.lower() not in {"1", "t", "true", "0", "f", "false"}:
        raise FlagError(f'invalid argument "{text}" for "--{name}" flag: parsing: invalid syntax', 2)
    return text.lower() in {"1", "t", "true"}
