"""After an update that was cut off: makes the next one continue it, without making anything twice.

When an engine is killed in the middle of a create, the stack only knows that it had asked for the resource; whether it
exists is known by Google Cloud or the cluster alone. Creating it again fails with "already exists". The engine's own
`pulumi refresh --import-pending-creates` does not help: up to 3.259.0 at least it turns the create into a pending import
and then drops that (`backend/journal.go` carries over pending creates only), so that the create is merely forgotten.

Every resource of this program has a fixed name, so its provider id is known beforehand; what Cloud Monitoring numbers is
looked up by labels of the program's own (`operations.numbered`). This module puts each such
resource into the state under that id, marked as not read yet, and has the engine read exactly those: what exists is
taken in, with everything its provider says of it; the rest is dropped. The mark is an init error of the resource: it
outlives a kill at this point too, and an update that is run without this module would say it and repair the resource.

A provider that is killed leaves less: the engine takes the create for failed and forgets it. With `adopt`, what the next
update would create is looked up as well. That is the only way to find such a resource, and it also finds what somebody
else has made under the same name: the sandbox does it by itself, on the real cloud a person decides. It also has the next
update delete what Cloud Monitoring has numbered twice, because an answer was lost and the request sent again.

Works on any stack of the program: `python -m operations.recover --stack NAME [--adopt]`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operations.adoption import MARK, Adoption, Resource, is_second, name_of, resources_of
from operations.attended import attend
from operations.numbered import Monitoring
from operations.provider_ids import IDS, UNKNOWN, provider_id

__all__ = ["IDS", "MARK", "UNKNOWN", "provider_id", "recover"]

_HIDDEN = "[secret]"
"""What the engine prints in place of a secret."""


@dataclass(frozen=True, kw_only=True)
class Pulumi:
    """The engine for one stack: `command` is `pulumi`, `options` select the stack and its configuration."""

    command: str
    options: Sequence[str]
    environment: Mapping[str, str] | None
    folder: Path | None

    def ask(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs `pulumi ARGUMENTS` and keeps what it prints."""
        return subprocess.run(
            [self.command, *arguments],
            env=None if self.environment is None else dict(self.environment),
            cwd=self.folder,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def stack(self) -> Sequence[str]:
        """The options that select the stack alone."""
        index = list(self.options).index("--stack")
        return self.options[index : index + 2]


def pending(export: Mapping[str, Any]) -> list[tuple[str, Resource]]:
    """(type, resource) of each operation that was begun and not finished, from `pulumi stack export`."""
    operations = (export.get("deployment") or {}).get("pending_operations") or []
    return [(operation["type"], operation["resource"]) for operation in operations]


def marked(export: Mapping[str, Any]) -> list[str]:
    """URNs of the resources that are in the state and not read yet."""
    return [resource["urn"] for resource in resources_of(export) if MARK in (resource.get("initErrors") or [])]


def twice(export: Mapping[str, Any], environment: Mapping[str, str]) -> bool:
    """Whether Cloud Monitoring has something of the stack twice; False as well where it cannot be asked. Changes nothing."""
    adoption = Adoption({"deployment": dict(export.get("deployment") or {})}, Monitoring(environment))
    return any(is_second(resource, found) for resource, found in adoption.seconds())


def recover(
    pulumi: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
    adopt: bool = False,
    once: bool = False,
) -> int:
    """Takes in what a cut-off update created. `pulumi` is the command with the options that select the stack.

    With `adopt`, what the next update would create is looked up too; with that or `once`, what there is twice of the stack.

    Returns:
        The exit code of the first command of the engine that failed; 0 where there was nothing to do.
    """
    engine = Pulumi(command=pulumi[0], options=pulumi[1:], environment=environment, folder=folder)
    ran = engine.ask("stack", "export", *engine.stack)
    if ran.returncode != 0:
        sys.stderr.write(ran.stderr)
        return ran.returncode
    export = json.loads(ran.stdout)
    candidates = list(_planned(engine, export)) if adopt and resources_of(export) else []
    adoption = Adoption(export, Monitoring(os.environ if environment is None else environment))
    changed = bool(pending(export) or candidates)
    if changed:
        _take_up(export, candidates, adoption)
    if adoption.hand_over(None if adopt or once else adoption.added) or changed:
        ran = engine.ask("stack", "import", *engine.stack, given=json.dumps(export))
        if ran.returncode != 0:
            sys.stderr.write(ran.stderr)
            return ran.returncode
    _say_refused(adoption)
    unread = marked(export)
    if not unread:
        return 0
    targets = [part for urn in unread for part in ("--target", urn)]
    # Never interactive: what happens to each resource is decided, and nobody may be there to be asked.
    refresh = [engine.command, "refresh", "--yes", "--skip-preview", "--non-interactive", *targets, *engine.options]
    return attend(refresh, environment, folder=folder)


def _take_up(export: dict[str, Any], candidates: Sequence[Resource], adoption: Adoption) -> None:
    """Turns what is pending, and what may exist, into marked resources of the state."""
    for kind, resource in pending(export):
        what = f"{name_of(resource)} ({resource['type']})"
        sys.stderr.write(f"an earlier update was cut off while {kind} {what}\n")
        if kind != "creating":
            for known in adoption.resources:
                if known["urn"] == resource["urn"] and known.get("custom") and not known.get("delete"):
                    known["initErrors"] = [*(known.get("initErrors") or []), MARK]
        elif not adoption.add(resource) and not resource["type"].startswith("pulumi:"):
            sys.stderr.write(f"  its id cannot be told. If {what} exists, import it: pulumi import\n")
    export["deployment"]["pending_operations"] = []
    if candidates:
        sys.stderr.write(f"the last update failed; looking up {len(candidates)} resources that it may have made\n")
    for candidate in candidates:
        adoption.add(candidate)


def _say_refused(adoption: Adoption) -> None:
    """What could not be looked up, why, and what to do by hand."""
    for reason, names in adoption.refused.items():
        sys.stderr.write(
            f"  Google Cloud draws the ids of {', '.join(dict.fromkeys(names))}, and they could not be looked up: {reason}. If "
            "an update made them and forgot it, the next one makes them again: compare those of the same display name "
            "afterwards, and delete what is in no stack\n"
        )


def _planned(engine: Pulumi, export: Mapping[str, Any]) -> Iterator[Resource]:
    """What the next update would create and everything it needs is there for; nothing where the preview fails."""
    ran = engine.ask("preview", "--json", "--non-interactive", *engine.options)
    if ran.returncode != 0:
        return  # the update will say why
    gone = {resource["urn"] for resource in resources_of(export) if resource.get("pendingReplacement")}
    known = {resource["urn"] for resource in resources_of(export)} - gone
    providers = {f"{resource['urn']}::{resource.get('id')}" for resource in resources_of(export)}
    for step in json.loads(ran.stdout[ran.stdout.index("{") :]).get("steps") or []:
        resource = step.get("newState") or {}
        needed = {resource.get("parent"), *(resource.get("dependencies") or [])}
        possible = resource.get("custom") and resource.get("provider") in providers and needed <= known
        # A resource that was deleted in order to be made anew is in the state still, and its creation is a "replace".
        made = step["op"] == "create" or (step["op"] == "replace" and resource.get("urn") in gone)
        if made and possible:
            yield {**resource, "inputs": _told(resource.get("inputs") or {})}


def _told(value: Any) -> Any:
    """`value` without what the engine does not tell: secrets, and values that are not known yet."""
    if isinstance(value, dict):
        return {key: _told(item) for key, item in value.items() if item not in (_HIDDEN, UNKNOWN)}
    if isinstance(value, list):
        return [_told(item) for item in value if item not in (_HIDDEN, UNKNOWN)]
    return value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", required=True, help="the stack whose last update was cut off")
    parser.add_argument(
        "--adopt",
        action="store_true",
        help="also take in what exists under the names of what would be created, and have deleted what was made twice",
    )
    arguments = parser.parse_args()
    if shutil.which("pulumi") is None:
        sys.exit(
            "error: there is no pulumi on PATH. Install the Pulumi CLI, the release that the stack is updated with."
        )
    sys.exit(recover(["pulumi", "--stack", arguments.stack], adopt=arguments.adopt))
