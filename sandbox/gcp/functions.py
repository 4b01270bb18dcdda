"""The provider functions a platform program may call: few, and each answers as the real one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sandbox.cloud import versions
from sandbox.cloud.names import number_of
from sandbox.gcp.resource import Defaults, Properties
from sandbox.home import sandbox_home


def _engine_versions(arguments: Properties, provider: Defaults) -> Properties:
    prefix = str(arguments.get("versionPrefix") or "")
    offered = [v for v in versions.CHANNELS["UNSPECIFIED"] if v.startswith(prefix)]
    newest = {name: found[0] for name, found in versions.CHANNELS.items() if name != "UNSPECIFIED"}
    return {
        "id": f"{provider.project}/{arguments.get('location') or provider.region}",
        "project": arguments.get("project") or provider.project,
        "location": arguments.get("location") or provider.region,
        "versionPrefix": prefix,
        "defaultClusterVersion": versions.CHANNELS["REGULAR"][0],
        "latestMasterVersion": offered[0] if offered else "",
        "latestNodeVersion": offered[0] if offered else "",
        "validMasterVersions": offered,
        "validNodeVersions": offered,
        "releaseChannelDefaultVersion": newest,
        "releaseChannelLatestVersion": newest,
    }


def _project(arguments: Properties, provider: Defaults) -> Properties:
    project = str(arguments.get("projectId") or provider.project)
    number = str(number_of(project))
    return {
        "id": f"projects/{project}",
        "projectId": project,
        "name": project,
        "number": number,
        "autoCreateNetwork": True,
        "billingAccount": "",
        "deletionPolicy": "PREVENT",
        "effectiveLabels": {},
        "folderId": "",
        "labels": {},
        "orgId": "",
        "pulumiLabels": {},
        "tags": {},
    }


def _client_config(_: Properties, provider: Defaults) -> Properties:
    token = sandbox_home() / "token"
    return {
        "id": f'projects/"{provider.project}"/regions/"{provider.region}"/zones/"{provider.zone}"',
        "project": provider.project,
        "region": provider.region,
        "zone": provider.zone,
        "accessToken": token.read_text(encoding="utf-8").strip() if token.exists() else "",
        "defaultLabels": dict(provider.labels),
    }


FUNCTIONS: Final[Mapping[str, Callable[[Properties, Defaults], Properties]]] = {
    "gcp:container/getEngineVersions:getEngineVersions": _engine_versions,
    "gcp:organizations/getClientConfig:getClientConfig": _client_config,
    "gcp:organizations/getProject:getProject": _project,
}
"""Token -> function."""
