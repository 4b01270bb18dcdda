"""The simulated Google Cloud's API without the network: resources, operations, projects.

Admits or refuses requests one at a time (so that two overlapping subnetworks cannot both be let in), then does the work
in the background. A resource exists from the moment its creation is admitted: a second create is told so, as on the real
cloud, whatever has become of the one who asked first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sandbox.cloud import (
    compute,
    container,
    grants,
    latency,
    load_balancing,
    monitoring,
    nodepools,
    placement,
    projects,
    subnetworks,
)
from sandbox.cloud.clusters import Clusters, RuntimeFactory
from sandbox.cloud.errors import CloudError, api_disabled, bad_request
from sandbox.cloud.faults import Faults
from sandbox.cloud.kind import Kind, Properties, Resource
from sandbox.cloud.names import number_of
from sandbox.cloud.operations import Operations
from sandbox.cloud.revival import Revival
from sandbox.cloud.store import Record, Table
from sandbox.cloud.targets import target_by_id, target_of

Report = Callable[[str], None]


class Cloud:
    """All projects of the sandbox."""

    def __init__(self, home: Path, log: Report, factory: RuntimeFactory | None = None) -> None:
        self.home = home
        folder = home / "cloud"
        kinds = (
            *compute.KINDS,
            *load_balancing.KINDS,
            subnetworks.Subnetworks(),
            container.Clusters(),
            nodepools.NodePools(),
            *placement.KINDS,
            *projects.KINDS,
            *grants.KINDS,
            *monitoring.KINDS,
        )
        self._kinds: Mapping[str, Kind] = {kind.type: kind for kind in kinds}
        self._resources = Table(folder / "resources")
        self._projects = Table(folder / "projects")
        self._admission = threading.RLock()
        self._log = log
        self.operations = Operations(folder / "operations", log)
        self.faults = Faults()
        self.clusters = Clusters(home, factory, self._addresses)
        self.revival = Revival(self, self._kind(container.CLUSTERS), self._put, log)

    # -- requests

    def create(self, kind_name: str, resource_id: str, project: str, properties: Properties) -> Record:
        """Admits a new resource and begins its creation; answers the operation.

        Raises:
            CloudError: the API's refusal.
        """
        kind = self._kind(kind_name)
        resource = Resource(type=kind_name, id=resource_id, project=project, properties=properties)
        resource.status, resource.created = "PROVISIONING", datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._admission:
            self.faults.refuse("create", target_of(self, resource))
            if kind.api:
                self.require_api(project, kind.api)
            known = self.find(kind_name, resource_id)
            if known is not None and not kind.idempotent:
                raise CloudError(409, kind.exists_message(resource), "alreadyExists")
            kind.validate(self, resource, None)
            resource.outputs = kind.complete(self, resource)
            self._put(resource)
            operation = self.operations.begin("create", kind_name, resource_id, {})
        self._run(operation, kind, resource, None)
        return operation

    def get(self, kind_name: str, resource_id: str) -> Resource:
        """The resource; CloudError 404 when there is none. A node pool is told with the nodes it has now."""
        self._kind(kind_name)
        self.faults.refuse("read", target_by_id(self, kind_name, resource_id))
        found = self._existing(kind_name, resource_id)
        if kind_name == nodepools.POOLS and "nodeCount" in found.outputs:
            zones = len(found.outputs.get("nodeLocations") or []) or 1
            found.outputs["nodeCount"] = self.node_count(found) // zones
        return found

    def node_count(self, pool: Resource) -> int:
        """Nodes of a pool in all zones: those it has, or what was asked for where its cluster does not run."""
        path = nodepools.cluster_path(pool.id)
        running = self.clusters.node_count(path, pool.name)
        if running is not None:
            return running
        cluster = self.find(container.CLUSTERS, path)
        return nodepools.nodes_per_zone(pool) * (len(nodepools.zones_of(pool, cluster)) if cluster else 1)

    def update(self, kind_name: str, resource_id: str, properties: Properties) -> Record:
        """Admits new properties for a resource and begins the change; answers the operation.

        Raises:
            CloudError: the API's refusal; the resource is as it was.
        """
        kind = self._kind(kind_name)
        with self._admission:
            self.faults.refuse("update", target_by_id(self, kind_name, resource_id))
            old = self._existing(kind_name, resource_id)
            resource = self._existing(kind_name, resource_id)
            resource.properties, resource.status = properties, "RECONCILING"
            kind.validate(self, resource, old)
            resource.outputs = {**resource.outputs, **kind.complete(self, resource)}
            self._put(resource)
            operation = self.operations.begin("update", kind_name, resource_id, {"old": asdict(old)})
        self._run(operation, kind, resource, old)
        return operation

    def delete(self, kind_name: str, resource_id: str) -> Record:
        """Admits the end of a resource and begins it; answers the operation.

        Raises:
            CloudError: 404 when there is none, 400 when it is still in use.
        """
        kind = self._kind(kind_name)
        with self._admission:
            self.faults.refuse("delete", target_by_id(self, kind_name, resource_id))
            resource = self._existing(kind_name, resource_id)
            kind.validate_delete(self, resource)
            if resource.status != "PROVISIONING":
                resource.status = "STOPPING"
                self._put(resource)
            operation = self.operations.begin("delete", kind_name, resource_id, {})
        self._run_delete(operation, kind, resource)
        return operation

    def loses_response(self, verb: str, kind_name: str, resource_id: str) -> bool:
        """Whether the answer to a request that was carried out is to be lost on the way."""
        return self.faults.loses_response(verb, target_by_id(self, kind_name, resource_id))

    @property
    def types(self) -> list[str]:
        """The kinds of resource there are."""
        return sorted(self._kinds)

    def project(self, project: str) -> Record:
        """A project; every name is one, as nobody can ask a real organisation here."""
        enabled = sorted(self._enabled(project))
        return {"projectId": project, "projectNumber": number_of(project), "services": enabled}

    # -- what kinds may see

    def find(self, kind: str, resource_id: str) -> Resource | None:
        """The resource of `kind` with that id, or None."""
        record = self._resources.get(f"{kind}|{resource_id}")
        return Resource(**record) if record is not None else None

    def all(self, kind: str | None = None, project: str | None = None) -> list[Resource]:
        """Every resource, or those of a kind or project."""
        found = [Resource(**record) for _, record in self._resources]
        return [r for r in found if kind in {None, r.type} and project in {None, r.project}]

    def require_api(self, project: str, api: str) -> None:
        """Refuses with 403 unless the project has `api` enabled."""
        if api not in self._enabled(project):
            raise api_disabled(api, project, number_of(project))

    def enable_api(self, project: str, api: str) -> None:
        """Enables `api` and what it depends on."""
        with self._admission:
            enabled = {*self._enabled(project), api, *projects.DEPENDENCIES.get(api, ())}
            self._projects.put(project, {"services": sorted(enabled)})

    def disable_api(self, project: str, api: str) -> None:
        """Disables `api`."""
        with self._admission:
            self._projects.put(project, {"services": sorted(self._enabled(project) - {api})})

    def _addresses(self, project: str, region: str) -> dict[str, str]:
        found = [r for r in self.all(compute.ADDRESSES, project) if r.properties.get("region") == region]
        return {resource.name: str(resource.state().get("address")) for resource in found}

    def _enabled(self, project: str) -> set[str]:
        record = self._projects.get(project) or {"services": []}
        return set(cast(list[str], record["services"]))

    # -- work

    def resume(self) -> None:
        """Brings a cloud that was stopped or killed back to where it was: clusters run, operations go on."""
        unfinished = self.operations.unfinished()
        busy = {(record["type"], record["id"]) for record in unfinished}
        idle = (cluster for cluster in self.all(container.CLUSTERS) if (cluster.type, cluster.id) not in busy)
        self.revival.begin(cluster for cluster in idle if cluster.status != "ERROR")
        for record in unfinished:
            self._resume(record)

    def _resume(self, record: Record) -> None:
        kind = self._kind(str(record["type"]))
        resource = self.find(kind.type, str(record["id"]))
        if resource is None:
            self.operations.run(record, record["name"], lambda _: None)
        elif record["verb"] == "delete":
            self._run_delete(record, kind, resource)
        else:
            self._run(record, kind, resource, Resource(**record["old"]) if record.get("old") else None)

    def _run(self, operation: Record, kind: Kind, resource: Resource, old: Resource | None) -> None:
        def work(report: Report) -> None:
            ready = time.monotonic() + latency.seconds(operation["verb"], resource)
            try:
                damage = self._strike(operation, resource)
                outputs = kind.apply(self, resource, old, report)
            except Exception as error:
                self._failed(kind, resource, old, error.message if isinstance(error, CloudError) else str(error))
                raise
            time.sleep(max(0.0, ready - time.monotonic()))
            resource.outputs = {**resource.outputs, **outputs}
            resource.status, resource.error = ("DEGRADED", damage) if damage else ("RUNNING", "")
            self._put(resource)
            if kind.type == container.CLUSTERS and old is None:
                self._make_default_pool(resource, report)

        self.operations.run(operation, kind.lock(resource), work)

    def _strike(self, operation: Record, resource: Resource) -> str | None:
        """Waits for or raises what a fault has in store; answers the status message of what comes up degraded."""
        target = target_of(self, resource)
        return self.faults.hold(operation["verb"], target, lambda: self.operations.note(operation, held=True))

    def _failed(self, kind: Kind, resource: Resource, old: Resource | None, error: str) -> None:
        if kind.keeps_failed:
            resource.status, resource.error = "ERROR", error
            self._put(resource)
        elif old is not None:
            self._put(old)
        else:
            self._resources.drop(resource.key)

    def _make_default_pool(self, cluster: Resource, report: Report) -> None:
        if cluster.properties.get("removeDefaultNodePool") or cluster.properties.get("enableAutopilot"):
            return
        kind = self._kind(nodepools.POOLS)
        pool = nodepools.default_pool(cluster)
        pool.outputs = kind.complete(self, pool)
        self._put(pool)
        kind.apply(self, pool, None, report)

    def _run_delete(self, operation: Record, kind: Kind, resource: Resource) -> None:
        def work(_: Report) -> None:
            self._strike(operation, resource)
            kind.remove(self, resource, {})
            for child in self.all(nodepools.POOLS) if kind.type == container.CLUSTERS else []:
                if nodepools.cluster_path(child.id) == resource.id:
                    self._resources.drop(child.key)
            self._resources.drop(resource.key)

        self.operations.run(operation, kind.lock(resource), work)

    def _existing(self, kind_name: str, resource_id: str) -> Resource:
        kind = self._kind(kind_name)
        resource = self.find(kind_name, resource_id)
        if resource is None:
            raise CloudError(404, kind.missing_message(resource_id), "notFound")
        return resource

    def _put(self, resource: Resource) -> None:
        self._resources.put(resource.key, asdict(resource))

    def _kind(self, name: str) -> Kind:
        kind = self._kinds.get(name)
        if kind is None:
            raise bad_request(f"The sandbox does not simulate '{name}'. It simulates {', '.join(sorted(self._kinds))}.")
        return kind


def as_json(resource: Resource) -> dict[str, Any]:
    """A resource as the body of an answer."""
    body = asdict(resource)
    body["state"] = resource.state()
    return body
