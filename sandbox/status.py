"""What runs in the sandbox, as a person wants to see it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from sandbox import daemon, pod_words
from sandbox.balancer.report import add_gateways
from sandbox.kube.client import ApiError, Client, NoMatchError

GATEWAY = "gateway.networking.k8s.io/v1"

_PASSING: Final = frozenset({429, 503, 504})
"""Answers of a server that is short of breath or still fills its cache of a kind ("storage is (re)initializing")."""
_ATTEMPTS: Final = 10
PAUSE: Final = 0.5


def show_status(home: Path) -> int:
    """Prints the cloud's resources and, for each cluster, nodes, Gateways, routes and models with their conditions, and
    what the load balancer makes of them: Gateway, route, backend, pods with their health.
    """
    console = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 200)
    resources = daemon.ask(home, "/resources")["resources"]
    tree = Tree("[bold]Google Cloud[/] (simulated)")
    for resource in sorted(resources, key=lambda item: (item["type"], item["id"])):
        tree.add(escape(f"{resource['type'].rsplit(':', 1)[-1]:16} {resource['id']}"))
    console.print(tree)
    for kubeconfig in sorted((home / "clusters").glob("*/kubeconfig")):
        console.print(_cluster(kubeconfig))
    return 0


def _cluster(kubeconfig: Path) -> Tree:
    name = escape(kubeconfig.parent.name.replace("_", "/"))
    tree = Tree(f"[bold]{name}[/]  kubectl --kubeconfig {escape(str(kubeconfig))}")
    client = Client.from_kubeconfig(kubeconfig)
    try:
        _list(tree, client, "v1", "Node", _ready)
        _list(tree, client, GATEWAY, "Gateway", _gateway)
        _list(tree, client, GATEWAY, "HTTPRoute", _route)
        _list(tree, client, "serving.kserve.io/v1alpha2", "LLMInferenceService", _ready)
        _list(tree, client, "v1", "Pod", pod_words.summary)
    except (ApiError, OSError) as error:
        tree.add(f"[red]the API server does not answer: {escape(str(error))}[/]")
    add_gateways(tree, kubeconfig.parent)
    return tree


def _list(tree: Tree, client: Client, version: str, kind: str, text: Callable[[dict[str, Any]], str]) -> None:
    try:
        found = _patiently(client, version, kind)
    except NoMatchError:
        return
    branch = tree.add(f"{kind} ({len(found)})")
    for item in found:
        metadata = item["metadata"]
        name = "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)
        branch.add(f"{escape(name)}  [dim]{escape(text(item))}[/]")


def _patiently(client: Client, version: str, kind: str) -> list[dict[str, Any]]:
    for _ in range(_ATTEMPTS - 1):
        try:
            return client.list(version, kind)
        except ApiError as error:
            if error.status not in _PASSING and "(re)initializing" not in error.message:
                raise
        time.sleep(PAUSE)
    return client.list(version, kind)


def _condition(conditions: list[dict[str, Any]], kind: str) -> str:
    found = next((item for item in conditions if item["type"] == kind), None)
    if found is None:
        return f"{kind} not reported"
    if found["status"] == "True":
        return kind
    return f"not {kind}: {found.get('reason', '')} {found.get('message', '')}".rstrip()


def _ready(item: dict[str, Any]) -> str:
    return _condition(item.get("status", {}).get("conditions", []), "Ready")


def _gateway(item: dict[str, Any]) -> str:
    status = item.get("status", {})
    addresses = ", ".join(address["value"] for address in status.get("addresses", []))
    return f"{item['spec']['gatewayClassName']}  {addresses}  {_condition(status.get('conditions', []), 'Programmed')}"


def _route(item: dict[str, Any]) -> str:
    parents = item.get("status", {}).get("parents", [])
    states = [_condition(parent.get("conditions", []), "Accepted") for parent in parents]
    return "; ".join(states) or "not seen by a Gateway yet"
