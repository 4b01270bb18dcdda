"""The values a simulated GKE cluster and its node pools are made from.

Owns: the two specifications every part of the sandbox passes around. Does not own: their validation (the simulated
Google Cloud API refuses bad requests before a specification exists) nor anything that runs.
Why: the cloud, the control plane, the node agent and the GKE controllers must agree on these fields without importing
each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ClusterSpec:
    """One simulated GKE cluster.

    `kubernetes_version` is GKE's form, `1.34.3-gke.1245000`. `gateway_api` is True when the cluster's
    `gatewayApiConfig.channel` is CHANNEL_STANDARD. `port` asks for a fixed TCP port of the API server on 127.0.0.1;
    None takes the port of the last start, or a free one at the first.
    """

    project: str
    name: str
    location: str
    kubernetes_version: str
    gateway_api: bool
    port: int | None = None

    @property
    def directory_name(self) -> str:
        """The cluster's directory below `clusters/`; unique, as GKE's own key is (project, location, name)."""
        return f"{self.project}_{self.location}_{self.name}"

    @property
    def context_name(self) -> str:
        """The kubeconfig context `gcloud container clusters get-credentials` would write."""
        return f"gke_{self.project}_{self.location}_{self.name}"


@dataclass(frozen=True, kw_only=True)
class NodePoolSpec:
    """One node pool: `nodes_per_zone` VMs of `machine_type` in each zone.

    `taints` are (key, value, effect) with Kubernetes' effect names (NoSchedule, PreferNoSchedule, NoExecute).
    """

    name: str
    machine_type: str
    zones: tuple[str, ...]
    nodes_per_zone: int
    tpu_topology: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    taints: tuple[tuple[str, str, str], ...] = ()
    spot: bool = False
    limits: tuple[int, int] | None = None
    """Fewest and most nodes per zone of a pool that grows by itself; None for one of fixed size."""
    boot_disk_gb: int = 100
    """Size of each node's boot disk, of which pods get what GKE does not keep."""
    slice_nodes: int = 1
    """Nodes that come and go together: those of one slice."""
    absent: tuple[str, ...] = ()
    """Names of VMs among these that the autoscaler has given up while others of their zone stayed."""

    @property
    def node_count(self) -> int:
        """Nodes in all zones."""
        return self.nodes_per_zone * len(self.zones) - len(self.absent)


def version_key(version: str) -> tuple[int, ...]:
    """A GKE version as numbers that sort: `1.34.0-gke.1626000` is (1, 34, 0, 1626000); a missing part counts as 0.

    Raises ValueError when the text is not a GKE version.
    """
    match = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:-gke\.(\d+))?", version.strip())
    if match is None:
        raise ValueError(f"kubernetes_version: {version!r} is not a GKE version; write it as 1.34.3-gke.1245000")
    return tuple(int(part or 0) for part in match.groups())
