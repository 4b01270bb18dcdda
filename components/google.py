"""The Google Cloud resource types of this program: the SDK's classes to the type checker, light ones when it runs.

Owns the list of them. Why they are light, and how to run with the SDK's, stands in `light.py`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from components.light import FULL_SDK, LightProvider, LightResource

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
    "Provider",
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
    "WebIamMember",
]

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
    from pulumi_gcp.iap.web_iam_member import WebIamMember
    from pulumi_gcp.kms.crypto_key_iam_member import CryptoKeyIAMMember
    from pulumi_gcp.monitoring.alert_policy import AlertPolicy
    from pulumi_gcp.monitoring.dashboard import Dashboard
    from pulumi_gcp.monitoring.notification_channel import NotificationChannel
    from pulumi_gcp.projects.iam_member import IAMMember
    from pulumi_gcp.projects.service import Service
    from pulumi_gcp.projects.service_identity import ServiceIdentity
    from pulumi_gcp.provider import Provider
    from pulumi_gcp.secretmanager.secret_iam_member import SecretIamMember
    from pulumi_gcp.serviceaccount.account import Account
else:

    class GoogleResource(LightResource):
        """A resource of the Google Cloud provider."""

        sdk = "pulumi_gcp"

    class Provider(LightProvider):
        """Where Google Cloud resources are made: project, region and zone."""

        sdk = "pulumi_gcp"
        provides = "gcp"

    class Address(GoogleResource):
        """A static address."""

        resource_type = "gcp:compute/address:Address"
        outputs = ("address",)

    class Firewall(GoogleResource):
        """A firewall rule."""

        resource_type = "gcp:compute/firewall:Firewall"

    class Network(GoogleResource):
        """A VPC network."""

        resource_type = "gcp:compute/network:Network"

    class RegionSecurityPolicy(GoogleResource):
        """A Cloud Armor policy for regional load balancers."""

        resource_type = "gcp:compute/regionSecurityPolicy:RegionSecurityPolicy"

    class RegionSslPolicy(GoogleResource):
        """Which versions of TLS a regional load balancer speaks."""

        resource_type = "gcp:compute/regionSslPolicy:RegionSslPolicy"

    class ResourcePolicy(GoogleResource):
        """A policy for groups of machines: here, how the machines of one slice are placed."""

        resource_type = "gcp:compute/resourcePolicy:ResourcePolicy"

    class Router(GoogleResource):
        """A Cloud Router."""

        resource_type = "gcp:compute/router:Router"

    class RouterNat(GoogleResource):
        """A Cloud NAT."""

        resource_type = "gcp:compute/routerNat:RouterNat"

    class Subnetwork(GoogleResource):
        """A subnet."""

        resource_type = "gcp:compute/subnetwork:Subnetwork"

    class Cluster(GoogleResource):
        """A GKE cluster."""

        resource_type = "gcp:container/cluster:Cluster"
        outputs = ("endpoint", "masterAuth", "controlPlaneEndpointsConfig", "clusterIpv4Cidr")

    class NodePool(GoogleResource):
        """A GKE node pool."""

        resource_type = "gcp:container/nodePool:NodePool"

    class IAMMember(GoogleResource):
        """A role for one member in a project."""

        resource_type = "gcp:projects/iAMMember:IAMMember"

    class CryptoKeyIAMMember(GoogleResource):
        """A role for one member on a Cloud KMS key."""

        resource_type = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"

    class WebIamMember(GoogleResource):
        """A role for one member on what Identity-Aware Proxy guards in a project."""

        resource_type = "gcp:iap/webIamMember:WebIamMember"

    class SecretIamMember(GoogleResource):
        """A role for one member on a secret of Secret Manager."""

        resource_type = "gcp:secretmanager/secretIamMember:SecretIamMember"

    class ServiceIdentity(GoogleResource):
        """The service agent of an API in a project."""

        resource_type = "gcp:projects/serviceIdentity:ServiceIdentity"
        outputs = ("email", "member")

    class RepositoryIamMember(GoogleResource):
        """A role for one member on an Artifact Registry repository."""

        resource_type = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"

    class Service(GoogleResource):
        """An API of a project."""

        resource_type = "gcp:projects/service:Service"

    class Account(GoogleResource):
        """A service account."""

        resource_type = "gcp:serviceaccount/account:Account"
        outputs = ("email",)

    class AlertPolicy(GoogleResource):
        """When somebody is told."""

        resource_type = "gcp:monitoring/alertPolicy:AlertPolicy"

    class Dashboard(GoogleResource):
        """A dashboard of Cloud Monitoring."""

        resource_type = "gcp:monitoring/dashboard:Dashboard"

    class NotificationChannel(GoogleResource):
        """Who is told, and how."""

        resource_type = "gcp:monitoring/notificationChannel:NotificationChannel"
