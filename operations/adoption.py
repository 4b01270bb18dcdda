"""Putting what may exist into a stack's state, for the engine to read or to delete.

Owns the changes to `pulumi stack export`. A resource whose id is known beforehand is put in under that id and read later,
whether it exists or not. One that Cloud Monitoring has numbered is looked up and put in where it exists. A second one of the
same labels and display name is what a request left whose answer was lost and that was sent again: it is put in as one to be
deleted, which the next preview shows and the next update does.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from operations.numbered import KINDS, Found, LookUpError, Monitoring, content, mark_of, number_of
from operations.provider_ids import provider_id

MARK: Final = "An earlier update was cut off here; what became of this resource has not been read yet."
"""The init error by which a resource is known that is in the state and not read yet."""

Resource = dict[str, Any]


def resources_of(export: Mapping[str, Any]) -> list[Resource]:
    """The resources in an export; a stack that was never updated has no deployment."""
    return (export.get("deployment") or {}).get("resources") or []


def google_project(export: Mapping[str, Any]) -> str | None:
    """The project that the stack's Google Cloud provider names."""
    for resource in resources_of(export):
        if resource.get("type") == "pulumi:providers:gcp":
            project = (resource.get("inputs") or {}).get("project")
            return str(project) if project else None
    return None


def name_of(resource: Resource) -> str:
    """The resource's name in the program."""
    return str(resource["urn"].rsplit("::", 1)[-1])


class Adoption:
    """The resources of an export, to which some are added in place."""

    def __init__(self, export: dict[str, Any], monitoring: Monitoring) -> None:
        self._project = google_project(export)
        self._monitoring = monitoring
        deployment = export.get("deployment") or {}
        self.resources: list[Resource] = resources_of(export)
        if deployment:
            deployment["resources"] = self.resources
        self.added: set[str] = set()
        """URNs of what was put in."""
        self.refused: dict[str, list[str]] = {}
        """Why what Cloud Monitoring has numbered could not be looked up, and the names of what that is so of."""

    def add(self, resource: Resource) -> bool:
        """Puts in a resource that may exist; False where its id cannot be told."""
        if resource["type"] in KINDS:
            return self._add_numbered(resource)
        found = provider_id(resource["type"], resource.get("inputs") or {}, self._project)
        if found is None:
            return False
        self._put(resource, found, {})
        return True

    def _add_numbered(self, resource: Resource) -> bool:
        try:
            unknown = self._unknown(resource)
        except LookUpError as error:
            self.refused.setdefault(str(error), []).append(name_of(resource))
            return False
        if unknown:
            # The provider reads by name what it has numbered, and takes the name from the outputs.
            self._put(resource, unknown[0].id, {"name": unknown[0].id})
        return True

    def _unknown(self, resource: Resource) -> list[Found]:
        """What carries the labels of the resource and is not in the state; first what has its display name, by age."""
        known = {number_of(str(each.get("id"))) for each in self.resources if each["type"] == resource["type"]}
        found = self._monitoring.found(resource["type"], resource.get("inputs") or {}, self._project)
        unknown = [each for each in found if each.number not in known]
        return sorted(unknown, key=lambda each: not is_second(resource, each))

    def _put(self, resource: Resource, found: str, outputs: Mapping[str, Any]) -> None:
        inputs = resource.get("inputs") or {}
        new = {**resource, "id": found, "outputs": {**inputs, **outputs}, "initErrors": [MARK]}
        self.added.add(resource["urn"])
        for index, known in enumerate(self.resources):
            if known["urn"] != resource["urn"] or known.get("delete"):
                continue
            if known.get("pendingReplacement"):
                self.resources[index] = new
            elif known.get("id") != found:
                # A replacement that is made before the old one goes: as the engine does once it has the new one.
                self.resources[index : index + 1] = [new, {**known, "delete": True}]
            return
        self.resources.append(new)

    def seconds(self, urns: Collection[str] | None = None) -> Iterator[tuple[Resource, Found]]:
        """What carries the labels of a resource of the state, or of those of `urns`, and is not in the state."""
        for resource in list(self.resources):
            gone = resource.get("delete") or resource.get("pendingReplacement")
            wanted = resource["type"] in KINDS and (urns is None or resource["urn"] in urns)
            if gone or not wanted or mark_of(resource["type"], resource.get("inputs") or {}) is None:
                continue
            try:
                yield from ((resource, found) for found in self._unknown(resource))
            except LookUpError as error:
                self.refused.setdefault(str(error), []).append(name_of(resource))

    def hand_over(self, urns: Collection[str] | None = None) -> bool:
        """Puts in second ones to be deleted, and says so; whether there are any. Copies under another name are only named."""
        handed = False
        for resource, found in list(self.seconds(urns)):
            if not is_second(resource, found):
                sys.stderr.write(
                    f"  {found.id} ('{found.display_name}') carries the labels of {name_of(resource)} and is in no stack. "
                    "Delete it, or take the labels off that begin with pulumi_\n"
                )
                continue
            sys.stderr.write(
                f"  {name_of(resource)} is there twice, as an answer was lost and the request sent again: {resource['id']} is "
                f"the stack's, and the next update deletes {found.id}\n"
            )
            kept = {key: value for key, value in resource.items() if key not in ("initErrors", "protect")}
            outputs = {**(resource.get("inputs") or {}), "name": found.id}
            second = {**kept, "id": found.id, "outputs": outputs, "delete": True}
            self.resources.insert(self.resources.index(resource) + 1, second)
            handed = True
        return handed


def is_second(resource: Resource, found: Found) -> bool:
    """Whether what was found is the resource once more: a copy that somebody has made has another display name."""
    return content(resource["type"], resource.get("inputs") or {}).get("displayName") == found.display_name
