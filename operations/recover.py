"""After an update that was cut off: makes the next one continue it, without making anything twice.

When an engine or a provider is killed in the middle of a create, the stack only knows that it had asked for the resource;
whether it exists is known by Google Cloud or the cluster alone. Creating it again would fail with "already exists", or, for
things without a fixed name, make a second one. Every resource of this program has a fixed name, so its provider id is known
beforehand: this module hands those ids to `pulumi refresh`, which looks each one up, takes in what exists and forgets the
rest.

Works on any stack of the program, in the sandbox and on the real cloud: `python -m operations.recover --stack NAME`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Inputs = Mapping[str, Any]


def _google(template: str) -> Callable[[Inputs], str | None]:
    def make(inputs: Inputs) -> str | None:
        try:
            return template.format_map(inputs)
        except KeyError:
            return None

    return make


def _kubernetes(inputs: Inputs) -> str | None:
    metadata = inputs.get("metadata") or {}
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not name:
        return None
    return f"{namespace}/{name}" if namespace else str(name)


def _release(inputs: Inputs) -> str | None:
    name, namespace = inputs.get("name"), inputs.get("namespace")
    return f"{namespace}/{name}" if name and namespace else None


IDS: Mapping[str, Callable[[Inputs], str | None]] = {
    "gcp:projects/service:Service": _google("{project}/{service}"),
    "gcp:compute/network:Network": _google("projects/{project}/global/networks/{name}"),
    "gcp:compute/subnetwork:Subnetwork": _google("projects/{project}/regions/{region}/subnetworks/{name}"),
    "gcp:compute/router:Router": _google("projects/{project}/regions/{region}/routers/{name}"),
    "gcp:compute/routerNat:RouterNat": _google("{project}/{region}/{router}/{name}"),
    "gcp:compute/firewall:Firewall": _google("projects/{project}/global/firewalls/{name}"),
    "gcp:compute/address:Address": _google("projects/{project}/regions/{region}/addresses/{name}"),
    "gcp:serviceaccount/account:Account": _google(
        "projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com"
    ),
    "gcp:projects/iAMMember:IAMMember": _google("{project} {role} {member}"),
    "gcp:container/cluster:Cluster": _google("projects/{project}/locations/{location}/clusters/{name}"),
    "gcp:container/nodePool:NodePool": _google("{cluster}/nodePools/{name}"),
    "kubernetes:helm.sh/v3:Release": _release,
}
"""How each type's id follows from its inputs: the import formats of pulumi-gcp 10 and pulumi-kubernetes 4."""


def pending_creates(export: Mapping[str, Any]) -> list[tuple[str, str, Inputs]]:
    """(URN, type, inputs) of each create that was begun and not finished, from `pulumi stack export`."""
    operations = (export.get("deployment") or {}).get("pending_operations") or []
    return [
        (operation["resource"]["urn"], operation["resource"]["type"], operation["resource"].get("inputs") or {})
        for operation in operations
        if operation.get("type") == "creating"
    ]


def provider_id(kind: str, inputs: Inputs, project: str | None) -> str | None:
    """The id under which the provider would know the resource; None where it cannot be told."""
    make = IDS.get(kind, _kubernetes if kind.startswith("kubernetes:") else None)
    if make is None:
        return None
    return make(inputs if "project" in inputs or project is None else {**inputs, "project": project})


def google_project(export: Mapping[str, Any]) -> str | None:
    """The project that the stack's Google Cloud provider names."""
    resources = (export.get("deployment") or {}).get("resources") or []
    for resource in resources:
        if resource.get("type") == "pulumi:providers:gcp":
            project = (resource.get("inputs") or {}).get("project")
            return str(project) if project else None
    return None


def recover(pulumi: Sequence[str], environment: Mapping[str, str] | None = None, *, folder: Path | None = None) -> int:
    """Takes in what a cut-off update created. `pulumi` is the command with the options that select the stack.

    Returns:
        The exit code of the refresh; 0 where there was nothing to do.
    """
    command, *options = pulumi
    ran = subprocess.run(
        [command, "stack", "export", *_stack_only(options)],
        env=None if environment is None else dict(environment),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode != 0:
        sys.stderr.write(ran.stderr)
        return ran.returncode
    export = json.loads(ran.stdout)
    creates = pending_creates(export)
    if not creates:
        return 0
    project = google_project(export)
    arguments: list[str] = []
    for urn, kind, inputs in creates:
        found = provider_id(kind, inputs, project)
        sys.stderr.write(f"an earlier update was cut off while it created {urn.rsplit('::', 1)[-1]} ({kind})\n")
        if found is not None:
            # The engine pairs the values of this option up: URN, id, URN, id …
            arguments += ["--import-pending-creates", urn, "--import-pending-creates", found]
        elif "--clear-pending-creates" not in arguments:
            # Only after the imports are taken out, and without asking for each of the rest what to do.
            arguments += ["--clear-pending-creates", "--non-interactive"]
    refreshed = subprocess.run(
        [command, "refresh", "--yes", "--skip-preview", *arguments, *options],
        env=None if environment is None else dict(environment),
        cwd=folder,
        check=False,
    )
    return refreshed.returncode


def _stack_only(options: Sequence[str]) -> list[str]:
    index = list(options).index("--stack")
    return list(options[index : index + 2])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", required=True, help="the stack whose last update was cut off")
    arguments = parser.parse_args()
    sys.exit(recover(["pulumi", "--stack", arguments.stack]))
