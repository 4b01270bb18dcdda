"""The simulated Google Cloud's API without the network: resources, operations, projects.

Admits or refuses requests one at a time (so that two overlapping subnetworks cannot both be let in), then does the work
in the background (`work`). A resource exists from the moment its creation is admitted: a second create is told so, as on the
real cloud, whatever has become of the one who asked first. Its operation is written down before it is, so that a daemon
that is killed between the two leaves nothing under way that nobody goes on with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from rules.gateway import PROXY_ONLY_PURPOSE, PROXY_ONLY_ROLE
from sandbox.cloud import (
    compute,
    container,
    grants,
    load_balancing,
    monitoring,
    names,
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
from sandbox.cloud.work import Worker

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
        self._ending = threading.Event()
        self.operations = Operations(folder / "operations", log)
        self.faults = Faults()
        self.clusters = Clusters(home, factory, self._addresses, self._has_proxies)
        self.revival = Revival(self, self._kind(container.CLUSTERS), self._put, log, self._ending)
        pools = self._kind(nodepools.POOLS)
        self._worker = Worker(self, self._resources, pools, self.operations, self.faults, self._ending)

    # -- requests

    def create(self, kind_name: str, resource_id: str, project: str, properties: Properties) -> Record:
        """Admits a new resource and begins its creation; answers the operation.

        Raises:
            CloudError: the API's refusal.
        """
        kind = self._kind(kind_name)
        resource_id = kind.drawn(resource_id)
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
            operation = self.operations.begin("create", kind_name, resource_id, {})
            self._put(resource)
        self._worker.run(operation, kind, resource, None)
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
            operation = self.operations.begin("update", kind_name, resource_id, {"old": asdict(old)})
            self._put(resource)
        self._worker.run(operation, kind, resource, old)
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
            operation = self.operations.begin("delete", kind_name, resource_id, {})
            if resource.status != "PROVISIONING":
                resource.status = "STOPPING"
                self._put(resource)
        self._worker.run_delete(operation, kind, resource)
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

    def _has_proxies(self, cluster: Resource) -> bool:
        """Whether a regional load balancer can be made for Gateways of the cluster."""
        region = names.region_of(str(cluster.properties.get("location")))
        network = compute.network_of(cluster) or names.network_path(cluster.project, "default")
        if not network.startswith(f"projects/{cluster.project}/"):
            return True  # a shared network's subnets are its host project's
        return any(
            subnetwork.properties.get("purpose") == PROXY_ONLY_PURPOSE
            and subnetwork.properties.get("role") == PROXY_ONLY_ROLE
            and subnetwork.properties.get("region") == region
            and compute.network_of(subnetwork) == network
            for subnetwork in self.all(compute.SUBNETWORKS, cluster.project)
        )

    def _enabled(self, project: str) -> set[str]:
        record = self._projects.get(project) or {"services": []}
        return set(cast(list[str], record["services"]))

    # -- work

    def resume(self) -> None:
        """Brings a cloud that was stopped or killed back to where it was: clusters run, operations go on."""
        unfinished = self.operations.unfinished()
        busy = {(record["type"], record["id"]) for record in unfinished}
        idle = (cluster for cluster in self.all(container.CLUSTERS) if (cluster.type, cluster.id) not in busy)
        # One that never ran is left to the update that made it; one that ran has an address, and a state to come back to.
        self.revival.begin(cluster for cluster in idle if cluster.status != "ERROR" or "endpoint" in cluster.outputs)
        for record in () if self._ending.is_set() else unfinished:
            self._resume(record)

    def stop(self) -> None:
        """Ends the clusters' processes. What is under way then stays as it is written: it goes on at the next start."""
        self._ending.set()
        self.clusters.stop()

    def _resume(self, record: Record) -> None:
        kind = self._kind(str(record["type"]))
        resource = self.find(kind.type, str(record["id"]))
        if resource is None:
            self.operations.run(record, record["name"], lambda _: None)
        elif record["verb"] == "delete":
            self._worker.run_delete(record, kind, resource)
        else:
            self._worker.run(record, kind, resource, Resource(**record["old"]) if record.get("old") else None)

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
