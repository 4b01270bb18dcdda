"""Which rule of the HTTPRoutes serves a request, and what it makes of the request.

Owns matching and its precedence (Gateway API: exact host before wildcard, exact path before the longest prefix, more headers
first, then the older route), prefix rewriting, header changes and redirects. Pure functions on what was compiled from the
routes; does not own which routes are served (`programming`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

Object = dict[str, Any]
Headers = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Match:
    """One match of a rule with the rule it belongs to. `backends` are (key, weight); empty with a `redirect`."""

    route: str
    rule: int
    hosts: tuple[str, ...]
    path: str = "/"
    exact: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    backends: tuple[tuple[str, int], ...] = ()
    filters: Sequence[Object] = field(default_factory=list[Object])
    age: str = ""

    @property
    def identity(self) -> tuple[str, int]:
        """The rule: several matches share its backends and their weights."""
        return self.route, self.rule

    def filter(self, kind: str) -> Object | None:
        """The settings of the rule's filter of a kind, such as `urlRewrite`; None when it has none."""
        return next((item[kind] for item in self.filters if kind in item), None)


def compiled(route: Object, keys: Mapping[int, tuple[tuple[str, int], ...]], hosts: tuple[str, ...]) -> list[Match]:
    """Every match of a route; `keys` are each rule's backends by the rule's index."""
    metadata: Object = route["metadata"]
    found: list[Match] = []
    for index, rule in enumerate(route["spec"].get("rules") or []):
        for match in rule.get("matches") or [{}]:
            path: Object = match.get("path") or {}
            found.append(
                Match(
                    route=f"{metadata['namespace']}/{metadata['name']}",
                    rule=index,
                    hosts=hosts,
                    path=path.get("value") or "/",
                    exact=path.get("type") == "Exact",
                    headers=_pairs(match.get("headers"), lower=True),
                    query=_pairs(match.get("queryParams"), lower=False),
                    backends=keys.get(index, ()),
                    filters=rule.get("filters") or [],
                    age=str(metadata.get("creationTimestamp") or ""),
                )
            )
    return found


def find(matches: Iterable[Match], host: str, target: str, headers: Headers) -> Match | None:
    """The match that takes a request for `target` (path and query) at `host`; None is the load balancer's own 404."""
    path, _, query = target.partition("?")
    name = hostname(host)
    fitting: list[tuple[tuple[Any, ...], Match]] = []
    for match in matches:
        rank = _host_rank(match.hosts, name)
        if rank is None or not _path_fits(match, path) or not _pairs_fit(match, query, headers):
            continue
        length = len(match.path.rstrip("/"))
        order = (-rank, not match.exact, -length, -len(match.headers), -len(match.query), match.age, match.route)
        fitting.append(((*order, match.rule), match))
    return min(fitting, key=lambda item: item[0])[1] if fitting else None


def hostname(host: str) -> str:
    """The name in a Host header, without port, in lower case."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and not host.endswith("]") else host
    return name.lower().rstrip(".")


def covers(pattern: str, name: str) -> bool:
    """Whether a host pattern, possibly `*.x`, covers a name."""
    pattern = pattern.lower()
    return pattern == name or (pattern.startswith("*.") and name.endswith(pattern[1:]))


def rewritten(match: Match, target: str) -> str:
    """The path and query that the backend gets."""
    rewrite = (match.filter("urlRewrite") or {}).get("path") or {}
    if rewrite.get("type") != "ReplacePrefixMatch":
        return target
    return _with_prefix(match, target, str(rewrite.get("replacePrefixMatch") or "/"))


def rewritten_host(match: Match, host: str) -> str:
    """The Host header that the backend gets."""
    return str((match.filter("urlRewrite") or {}).get("hostname") or host)


def changed(headers: Headers, modifier: Object | None) -> Headers:
    """`headers` after a RequestHeaderModifier or ResponseHeaderModifier."""
    if not modifier:
        return headers
    removed = {name.lower() for name in modifier.get("remove") or []}
    replaced = {item["name"].lower(): (item["name"], item["value"]) for item in modifier.get("set") or []}
    kept = [(name, value) for name, value in headers if name.lower() not in removed | replaced.keys()]
    added = [(item["name"], item["value"]) for item in modifier.get("add") or []]
    return [*kept, *replaced.values(), *added]


def redirect(match: Match, scheme: str, host: str, target: str) -> tuple[int, str] | None:
    """(status, Location) of a rule that redirects, else None. `host` is as the client wrote it."""
    wanted = match.filter("requestRedirect")
    if wanted is None:
        return None
    to = str(wanted.get("scheme") or scheme)
    # another scheme has another port, and the well-known one is left out
    name = host if to == scheme else hostname(host)
    path = wanted.get("path") or {}
    if path.get("type") == "ReplaceFullPath":
        query = target.partition("?")[1] + target.partition("?")[2]
        target = str(path.get("replaceFullPath") or "/") + query
    elif path.get("type") == "ReplacePrefixMatch":
        target = _with_prefix(match, target, str(path.get("replacePrefixMatch") or "/"))
    return int(wanted.get("statusCode") or 302), f"{to}://{wanted.get('hostname') or name}{target}"


def _with_prefix(match: Match, target: str, prefix: str) -> str:
    path, mark, query = target.partition("?")
    return (prefix.rstrip("/") + path[len(match.path.rstrip("/")) :] or "/") + mark + query


def _host_rank(hosts: tuple[str, ...], name: str) -> int | None:
    if not hosts:
        return 0
    ranks = [1_000_000 if not pattern.startswith("*.") else len(pattern) for pattern in hosts if covers(pattern, name)]
    return max(ranks) if ranks else None


def _path_fits(match: Match, path: str) -> bool:
    if match.exact:
        return path == match.path
    prefix = match.path.rstrip("/")
    return path == prefix or path.startswith(f"{prefix}/") or not prefix


def _pairs_fit(match: Match, query: str, headers: Headers) -> bool:
    have = {(name.lower(), value) for name, value in headers}
    asked = dict(reversed(parse_qsl(query, keep_blank_values=True))) if match.query else {}
    return all(pair in have for pair in match.headers) and all(asked.get(n) == v for n, v in match.query)


def _pairs(entries: Any, *, lower: bool) -> tuple[tuple[str, str], ...]:
    return tuple((item["name"].lower() if lower else item["name"], item["value"]) for item in entries or [])
