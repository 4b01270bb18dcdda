"""Which rule takes a request, and what it makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.balancer import matching
from sandbox.balancer.matching import Match, compiled, find

Object = dict[str, Any]


def route(name: str, *rules: Object, age: str = "2026-01-01T00:00:00Z") -> Object:
    """A route with these rules."""
    metadata = {"namespace": "llm", "name": name, "creationTimestamp": age}
    return {"metadata": metadata, "spec": {"rules": list(rules)}}


def path(value: str, kind: str = "PathPrefix", **more: Any) -> Object:
    """A rule that matches one path."""
    return {"matches": [{"path": {"type": kind, "value": value}, **more}]}


def taken(target: str, *rules: Object, host: str = "x", headers: matching.Headers | None = None) -> int | None:
    """The index of the rule that takes a request."""
    found = find(compiled(route("r", *rules), {}, ()), host, target, headers or [])
    return found.rule if found is not None else None


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("/v1/models", 1),
        ("/v1/models/x", 0),
        ("/v1/chat", 0),
        ("/v1?x=/v1/models", 0),
        ("/v1", 0),
        ("/v1x", None),
        ("/", None),
    ],
)
def test_paths(target: str, rule: int | None) -> None:
    """A prefix ends at a '/', an exact path wins, the query plays no part."""
    assert taken(target, path("/v1"), path("/v1/models", "Exact")) == rule


def test_longest_prefix_wins_wherever_it_stands() -> None:
    """The order of rules only decides between equals."""
    assert taken("/a/b/c", path("/"), path("/a/b"), path("/a")) == 1
    assert taken("/a", path("/a"), path("/a/")) == 0


def test_more_headers_win_and_names_have_no_case() -> None:
    """A canary by header takes the requests that carry it."""
    canary = path("/", headers=[{"name": "X-Canary", "value": "yes"}])
    assert taken("/", path("/"), canary, headers=[("x-canary", "yes")]) == 1
    assert taken("/", path("/"), canary, headers=[("x-canary", "no")]) == 0
    query = path("/", queryParams=[{"name": "beta", "value": "1"}])
    assert taken("/?beta=1", path("/"), query) == 1
    assert taken("/?beta=2&beta=1", path("/"), query) == 0


def test_hosts() -> None:
    """An exact host before a wildcard, that before none; ports and case of the Host header play no part."""
    first = compiled(route("exact", path("/")), {}, ("api.example.com",))
    second = compiled(route("wild", path("/")), {}, ("*.example.com",))
    third = compiled(route("any", path("/longer")), {}, ())
    every: list[Match] = [*third, *second, *first]
    for host, name in (("API.example.com:18000", "exact"), ("b.example.com", "wild"), ("[::1]", "any")):
        found = find(every, host, "/longer", [])
        assert found is not None
        assert found.route == f"llm/{name}"
    assert find([*first, *second], "example.com", "/", []) is None


def test_older_route_wins() -> None:
    """Two routes with equal matches: the older one's."""
    young = compiled(route("a", path("/"), age="2026-02-01T00:00:00Z"), {}, ())
    old = compiled(route("b", path("/")), {}, ())
    found = find([*young, *old], "x", "/", [])
    assert found is not None
    assert found.route == "llm/b"


def with_filter(value: str, **item: Object) -> Match:
    """The match of a rule with one filter."""
    (found,) = compiled(route("r", {**path(value), "filters": [item]}), {}, ())
    return found


@pytest.mark.parametrize(
    ("prefix", "to", "target", "wanted"),
    [
        ("/llm/m/v1", "/v1", "/llm/m/v1/models", "/v1/models"),
        ("/llm/m/v1", "/v1", "/llm/m/v1", "/v1"),
        ("/llm/", "/", "/llm/health?x", "/health?x"),
        ("/llm", "/", "/llm", "/"),
        ("/llm", "/", "/llm/", "/"),
        ("/", "/v2", "/a", "/v2/a"),
    ],
)
def test_prefix_rewrite(prefix: str, to: str, target: str, wanted: str) -> None:
    """ReplacePrefixMatch is the one rewrite GKE takes."""
    match = with_filter(prefix, urlRewrite={"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": to}})
    assert matching.rewritten(match, target) == wanted


def test_host_rewrite_and_header_changes() -> None:
    """The backend may see another host and other headers."""
    assert matching.rewritten_host(with_filter("/", urlRewrite={"hostname": "inner"}), "outer") == "inner"
    changes = {"set": [{"name": "A", "value": "2"}], "add": [{"name": "b", "value": "3"}], "remove": ["C"]}
    given = [("a", "1"), ("b", "1"), ("c", "1")]
    assert matching.changed(given, changes) == [("b", "1"), ("A", "2"), ("b", "3")]
    assert matching.changed(given, None) == given


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"scheme": "https", "statusCode": 301}, (301, "https://h/a?b")),
        ({"scheme": "https"}, (302, "https://h/a?b")),
        ({"hostname": "other"}, (302, "http://other/a?b")),
        ({"path": {"type": "ReplaceFullPath", "replaceFullPath": "/c"}}, (302, "http://h:18000/c?b")),
        ({"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/c"}}, (302, "http://h:18000/c/a?b")),
    ],
)
def test_redirects(settings: Object, wanted: tuple[int, str]) -> None:
    """Another scheme drops the port, as the other scheme's is another one."""
    assert matching.redirect(with_filter("/", requestRedirect=settings), "http", "h:18000", "/a?b") == wanted
