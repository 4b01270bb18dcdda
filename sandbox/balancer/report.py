"""What the load balancers of a sandbox serve, for people: the tree of `make status` and the addresses `make up` ends with.

Owns the wording. Reads `run/balancer.json` only, so that it works whatever else is broken.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from sandbox.balancer import state

Object = dict[str, Any]

NOT_RUNNING = "the load balancer is not running"

_COLOURS = {
    state.HEALTHY: "green",
    state.UNHEALTHY: "red",
    state.DRAINING: "yellow",
    state.PROGRAMMED: "green",
    state.BLOCKED: "red",
    state.PENDING: "yellow",
}


def urls(home: Path) -> list[str]:
    """One line per listener that is served: its local URL, what it stands for, and what of it is not well; below it for each
    route an address that can be used as it is.
    """
    return [line for directory in _clusters(home) for line in _urls(directory)]


def add_gateways(tree: Tree, directory: Path) -> None:
    """Adds the Gateways of the cluster in `directory` with all that hangs on them."""
    content = state.read(directory)
    if content is None:
        if state.is_left_over(directory):
            tree.add(f"[red]{NOT_RUNNING}[/]")
        return
    branch = tree.add(f"Load balancer ({len(content['gateways'])} Gateways)")
    for gateway in content["gateways"]:
        _add_gateway(branch, gateway, content["backends"])


def _clusters(home: Path) -> list[Path]:
    return sorted(file.parent.parent for file in (home / "clusters").glob(f"*/run/{state.FILE}"))


def _urls(directory: Path) -> Iterator[str]:
    if state.is_left_over(directory):
        yield f"{directory.name}: {NOT_RUNNING}"
    for gateway in (state.read(directory) or {"gateways": []})["gateways"]:
        name = f"{gateway['namespace']}/{gateway['name']}"
        for listener in gateway["listeners"]:
            if listener["url"]:
                scheme = listener["protocol"].lower()
                yield f"Gateway {name}: {listener['url']} stands for {scheme}://{gateway['address']}"
                yield from (f"  {address}" for address in _requests(listener))
            if listener.get("problem"):
                yield f"Gateway {name}: listener {listener['name']} cannot be served: {listener['problem']}"
        if gateway["state"] != state.PROGRAMMED:
            yield f"Gateway {name} is {gateway['state'].lower()}: {gateway['message'] or 'it has no address yet'}"


def _requests(listener: Object) -> list[str]:
    """For each route an address of a backend: of its InferencePool's paths the shortest (completions), else the first one."""
    best: dict[str, tuple[int, str]] = {}
    for rule in listener["rules"]:
        backends = [item["backend"] for item in rule["backends"] if item["weight"]]
        if not backends:
            continue
        to_pool = any(backend.startswith("InferencePool/") for backend in backends)
        rank = len(rule["path"]) if to_pool else sys.maxsize
        host = next(iter(rule.get("hosts") or []), "*")
        text = f"{listener['url']}{rule['path']}" + (f" (Host: {host})" if host != "*" else "")
        known = best.get(rule["route"])
        if known is None or rank < known[0]:
            best[rule["route"]] = (rank, text)
    return [text for _, text in best.values()]


def _add_gateway(tree: Tree, gateway: Object, backends: Object) -> None:
    name = f"[bold]{escape(gateway['namespace'] + '/' + gateway['name'])}[/]"
    name += escape(f"  {gateway['className']}  {gateway['address']}")
    branch = tree.add(f"Gateway {name}  {_word(gateway['state'])}  [dim]{escape(gateway['message'])}[/]".rstrip())
    for listener in gateway["listeners"]:
        place = listener["url"] or "not served"
        problem = f"  [red]{escape(listener['problem'])}[/]" if listener.get("problem") else ""
        leaf = branch.add(f"{escape(listener['name'])} :{listener['port']}  [bold]{place}[/]{problem}")
        routes: dict[str, list[Object]] = {}
        for rule in listener["rules"]:
            routes.setdefault(rule["route"], []).append(rule)
        for route, rules in routes.items():
            _add_route(leaf.add(f"HTTPRoute {escape(route)}"), rules, backends)


def _add_route(tree: Tree, rules: list[Object], backends: Object) -> None:
    targets: dict[str, list[str]] = {}
    for rule in rules:
        path = rule["path"] if rule["type"] == "Exact" else f"{rule['path'].rstrip('/')}/…"
        if "redirect" in rule:
            targets.setdefault(f"redirect to {rule['redirect'].get('scheme', 'another place')}", []).append(path)
        for item in rule["backends"]:
            share = f" (weight {item['weight']})" if len(rule["backends"]) > 1 else ""
            targets.setdefault(item["backend"], []).append(f"{path}{share}")
    for target, paths in targets.items():
        branch = tree.add(f"{escape(', '.join(paths))}  →  [bold]{escape(target.replace('/', ' ', 1))}[/]")
        if target in backends:
            _add_backend(branch, backends[target])
            picker = backends.get(backends[target]["picker"] or "")
            if picker is not None:
                _add_backend(branch.add(escape(f"endpoint picker {picker['namespace']}/{picker['name']}")), picker)


def _add_backend(tree: Tree, backend: Object) -> None:
    check = backend["healthCheck"]
    origin = f"HealthCheckPolicy {check['policy']}" if check["policy"] else "GKE's default check: no HealthCheckPolicy"
    tree.add(f"[dim]{escape(check['text'])} ({escape(origin)}); timeout {backend['timeoutSec']:g} s[/]")
    for endpoint in backend["endpoints"]:
        reason = f"  [dim]{escape(endpoint['reason'])}[/]" if endpoint["reason"] else ""
        place = f"{endpoint['address']}:{endpoint['port']}"
        tree.add(f"{_word(endpoint['state'])}  {escape(endpoint['pod'])}  [dim]{place}[/]{reason}")
    if not backend["endpoints"]:
        tree.add("[red]no endpoint[/]  [dim]no pod with these labels runs[/]")


def _word(text: str) -> str:
    return f"[{_COLOURS.get(text, 'default')}]{text}[/]"
