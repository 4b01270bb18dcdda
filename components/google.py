"""The Google Cloud resource types of this program: the SDK's classes to the type checker, light ones when it runs.

Importing one class of `pulumi_gcp.compute` runs over a thousand others, which made a preview four times as slow as that of
an empty program; that is felt at every preview of every pull request. So a resource is registered here by its type token and
its properties, which is all that the SDK's class does with them. `FULL_SDK=1` in the environment takes the SDK's classes
instead; a test builds both environments either way and compares what is registered.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import pulumi

__all__ = [
    "Account",
    "Address",
    "AlertPolicy",
    "Cluster",
    "CryptoKeyIAMMember",
    "Dashboard",
    "Firewall",
    "IAMMember",
    "Network",
    "NodePool",
    "NotificationChannel",
    "RegionSecurityPolicy",
    "RegionSslPolicy",
    "RepositoryIamMember",
    "ResourcePolicy",
    "Router",
    "RouterNat",
    "SecretIamMember",
    "Service",
    "ServiceIdentity",
    "Subnetwork",
]

FULL_SDK: Final = "FULL_SDK"
"""Environment variable that takes the SDK's classes at run time too."""

_MAPS: Final = frozenset({"labels", "metadata", "resourceLabels", "tags"})
"""Properties whose keys are the user's own and stay as they are written."""


def camel(name: str) -> str:
    """`secondary_ip_ranges` as the engine spells it: `secondaryIpRanges`."""
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def snake(name: str) -> str:
    """`clusterCaCertificate` as Python spells it: `cluster_ca_certificate`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def spelled(value: Any) -> Any:
    """`value` with the keys of all objects in it as the engine spells them, and without what is not set."""
    if isinstance(value, Mapping):
        properties = cast(Mapping[str, Any], value)
        pairs = ((camel(key), item) for key, item in properties.items() if item is not None)
        return {key: item if key in _MAPS else spelled(item) for key, item in pairs}
    if isinstance(value, list | tuple):
        return [spelled(item) for item in cast(list[Any], value)]
    return value


class Nested(dict[str, Any]):
    """An object inside a resource's outputs, read by attribute as from the SDK's class."""

    def __getattr__(self, name: str) -> Any:
        """The property, or None where the provider did not set it."""
        if name.startswith("__"):
            raise AttributeError(name)
        return nested(self.get(camel(name)))


def nested(value: Any) -> Any:
    """`value` with its objects readable by attribute."""
    return Nested(cast(dict[str, Any], value)) if isinstance(value, dict) else value


class LightResource(pulumi.CustomResource):
    """A resource of the Google Cloud provider, registered by type token and properties."""

    resource_type: str
    outputs: tuple[str, ...] = ()

    def __init__(self, resource_name: str, opts: pulumi.ResourceOptions | None = None, **arguments: Any) -> None:
        from pulumi_gcp import _utilities  # noqa: PLC0415 - the provider's version, which the engine wants with each resource

        properties = {**dict.fromkeys(self.outputs), **spelled(arguments)}
        defaults = _utilities.get_resource_opts_defaults()
        super().__init__(self.resource_type, resource_name, properties, pulumi.ResourceOptions.merge(defaults, opts))

    def __getattr__(self, name: str) -> Any:
        """An input or a declared output, under its Python name."""
        value = self.__dict__.get(camel(name))
        if name.startswith("_") or value is None:
            raise AttributeError(f"{type(self).__name__} has no output {name!r} here; add it to components/google.py")
        return value.apply(nested) if isinstance(value, pulumi.Output) else value


if TYPE_CHECKING or os.environ.get(FULL_SDK):
    from pulumi_gcp.artifactregistry.repository_iam_member import RepositoryIamMember
    from pulumi_gcp.compute.address import Address
    from pulumi_gcp.compute.firewall import Firewall
    from pulumi_gcp.compute.network import Network
    from pulumi_gcp.compute.region_security_policy import RegionSecurityPolicy
    from pulumi_gcp.compute.region_ssl_policy import RegionSslPolicy
    from pulumi_gcp.compute.resource_policy import ResourcePolicy
    from pulumi_gcp.compute.router import Router
    from pulumi_gcp.compute.router_nat import RouterNat
    from pulumi_gcp.compute.subnetwork import Subnetwork
    from pulumi_gcp.container.cluster import Cluster
    from pulumi_gcp.container.node_pool import NodePool
    from pulumi_gcp.kms.crypto_key_iam_member import CryptoKeyIAMMember
    from pulumi_gcp.monitoring.alert_policy import AlertPolicy
    from pulumi_gcp.monitoring.dashboard import Dashboard
    from pulumi_gcp.monitoring.notification_channel import NotificationChannel
    from pulumi_gcp.projects.iam_member import IAMMember
    from pulumi_gcp.projects.service import Service
    from pulumi_gcp.projects.service_identity import ServiceIdentity
    from pulumi_gcp.secretmanager.secret_iam_member import SecretIamMember
    from pulumi_gcp.serviceaccount.account import Account
else:

    class Address(LightResource):
        """A static address."""

        resource_type = "gcp:compute/address:Address"
        outputs = ("address",)

    class Firewall(LightResource):
        """A firewall rule."""

        resource_type = "gcp:compute/firewall:Firewall"

    class Network(LightResource):
        """A VPC network."""

        resource_type = "gcp:compute/network:Network"

    class RegionSecurityPolicy(LightResource):
        """A Cloud Armor policy for regional load balancers."""

        resource_type = "gcp:compute/regionSecurityPolicy:RegionSecurityPolicy"

    class RegionSslPolicy(LightResource):
        """Which versions of TLS a regional load balancer speaks."""

        resource_type = "gcp:compute/regionSslPolicy:RegionSslPolicy"

    class ResourcePolicy(LightResource):
        """A policy for groups of machines: here, how the machines of one slice are placed."""

        resource_type = "gcp:compute/resourcePolicy:ResourcePolicy"

    class Router(LightResource):
        """A Cloud Router."""

        resource_type = "gcp:compute/router:Router"

    class RouterNat(LightResource):
        """A Cloud NAT."""

        resource_type = "gcp:compute/routerNat:RouterNat"

    class Subnetwork(LightResource):
        """A subnet."""

        resource_type = "gcp:compute/subnetwork:Subnetwork"

    class Cluster(LightResource):
        """A GKE cluster."""

        resource_type = "gcp:container/cluster:Cluster"
        outputs = ("endpoint", "masterAuth", "controlPlaneEndpointsConfig")

    class NodePool(LightResource):
        """A GKE node pool."""

        resource_type = "gcp:container/nodePool:NodePool"

    class IAMMember(LightResource):
        """A role for one member in a project."""

        resource_type = "gcp:projects/iAMMember:IAMMember"

    class CryptoKeyIAMMember(LightResource):
        """A role for one member on a Cloud KMS key."""

        resource_type = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"

    class SecretIamMember(LightResource):
        """A role for one member on a secret of Secret Manager."""

        resource_type = "gcp:secretmanager/secretIamMember:SecretIamMember"

    class ServiceIdentity(LightResource):
        """The service agent of an API in a project."""

        resource_type = "gcp:projects/serviceIdentity:ServiceIdentity"
        outputs = ("email", "member")

    class RepositoryIamMember(LightResource):
        """A role for one member on an Artifact Registry repository."""

        resource_type = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"

    class Service(LightResource):
        """An API of a project."""

        resource_type = "gcp:projects/service:Service"

    class Account(LightResource):
        """A service account."""

        resource_type = "gcp:serviceaccount/account:Account"
        outputs = ("email",)

    class AlertPolicy(LightResource):
        """When somebody is told."""

        resource_type = "gcp:monitoring/alertPolicy:AlertPolicy"

    class Dashboard(LightResource):
        """A dashboard of Cloud Monitoring."""

        resource_type = "gcp:monitoring/dashboard:Dashboard"

    class NotificationChannel(LightResource):
        """Who is told, and how."""

        resource_type = "gcp:monitoring/notificationChannel:NotificationChannel"
