"""The GKE cluster and its nodes without TPU."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, PositiveInt

from components.settings.base import Cidr, DnsLabel, Section
from components.settings.checks import check_control_plane_cidr, check_version

SYSTEM_POOL = "system"
"""Name of the node pool without TPU in the cluster."""


class AuthorizedNetwork(Section):
    """A network whose clients may reach the cluster's control plane."""

    name: str
    """What the network is, for the person who reads the firewall later."""
    cidr: Cidr
    """Its address range, such as 203.0.113.0/24."""


class Cluster(Section):
    """The GKE cluster. Private nodes, VPC-native, Workload Identity and the Gateway API are always on."""

    name: DnsLabel = "inference"
    """The cluster's name."""
    regional: bool = True
    """Control plane in three zones of the region (true) or in one zone (false: cheaper, unavailable during upgrades)."""
    release_channel: Annotated[str, Field(pattern="^(RAPID|REGULAR|STABLE|EXTENDED)$")] = "REGULAR"
    """RAPID, REGULAR, STABLE or EXTENDED: who gets a GKE version first."""
    minimum_version: Annotated[str, AfterValidator(check_version)] | None = None
    """Oldest GKE version of the control plane, such as 1.35 (channels drop full ones); left out, the channel's default."""
    authorized_networks: Annotated[tuple[AuthorizedNetwork, ...], Field(min_length=1)]
    """Who may reach the control plane; the machine that runs this program must be among them."""
    control_plane_cidr: Annotated[str, AfterValidator(check_control_plane_cidr)] = "172.16.0.0/28"
    """A /28 for the control plane's own addresses."""
    deletion_protection: bool = True
    """Refuse to delete or replace the cluster until this is set to false and applied."""


class SystemPool(Section):
    """The node pool for everything that needs no TPU: controllers, endpoint pickers, GKE's own agents."""

    machine_type: str = "e2-standard-4"
    """Machine type of the nodes; it must exist in the zone."""
    nodes: PositiveInt = 2
    """How many nodes."""
