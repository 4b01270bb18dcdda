"""Clusters and node pools against the CIS GKE Benchmark, as far as a stack shows them.

Clusters of Autopilot are judged by what they may choose only. The default pool of a cluster that removes it is not judged. What
is right is `rules.hardening`'s knowledge; which of it blocks is said there as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pulumi_policy import EnforcementLevel, PolicyComplianceFramework, Severity

from policies.clusters import SUBNETWORK
from policies.framework import Report, resource_policy
from policies.node_pools import CLUSTER, NODE_POOL, pools
from policies.reading import Field
from policies.resources import Resource
from rules.gateway import PROXY_ONLY_PURPOSE
from rules.hardening import (
    BENCHMARK,
    BENCHMARK_VERSION,
    REQUIRED_CLUSTER,
    REQUIRED_NODES,
    Control,
    check_network_policy,
    check_networks,
)
from rules.hardening_advised import (
    ADVISED_CLUSTER,
    ADVISED_NODES,
    DISK_KEY,
    DISK_PROVISIONER,
    FLOW_LOGS,
    check_unused_networks,
)

_AUTOPILOT_SETS: Final = frozenset({"workload-identity", "shielded-nodes", "release-channel", "alpha-cluster"})
_OUTPUTS: Final = frozenset(
    {
        "service-account",
        "workload-identity",
        "secrets-encryption",
        "flow-logs",
        "boot-disk-key",
        "disk-key",
        "rbac-groups",
    }
    | {"maintenance-window"}
)
"""Rules to which any value, known or not, is an answer: something is written there. An unknown block around it is none."""


def _framework(reference: str) -> PolicyComplianceFramework:
    return PolicyComplianceFramework(name=BENCHMARK, version=BENCHMARK_VERSION, reference=reference)


def _judge(root: Field, controls: Iterable[Control], report: Report, resource: Resource) -> None:
    for control in controls:
        field = root.at(*control.path.split("."))
        if not field.unknown:
            report.findings((finding.under(root.path) for finding in control.check(field.value)), resource)
        elif control.rule not in _OUTPUTS or root.at(*control.path.split(".")[:-1]).unknown:
            report.undecided(field, "whether the control is met", resource)


def _check_cluster(resource: Resource, report: Report) -> None:
    if resource.token != CLUSTER:
        return
    autopilot = resource.at("enableAutopilot").get(bool) is True
    controls = [c for c in REQUIRED_CLUSTER if not (autopilot and c.rule in _AUTOPILOT_SETS)]
    _judge(resource.props, controls, report, resource)
    _check_networks(resource, report)
    datapath = resource.at("datapathProvider").of(str)
    enabled = resource.at("networkPolicy", "enabled").of(bool)
    for field in (datapath, enabled):
        if field.unknown:
            report.undecided(field, "whether NetworkPolicies are enforced", resource)
            return
    if not autopilot:
        report.findings(check_network_policy(datapath.get(str), enabled.get(bool)), resource)


def _check_networks(resource: Resource, report: Report) -> None:
    block = resource.at("masterAuthorizedNetworksConfig")
    ranges = [item.at("cidrBlock").of(str) for item in block.at("cidrBlocks").items()]
    private = resource.at("privateClusterConfig", "enablePrivateEndpoint").get(bool) is True or _only_by_name(resource)
    hidden = next((field for field in ranges if field.unknown), None)
    if block.unknown or hidden is not None:
        report.undecided(
            block if hidden is None or block.unknown else hidden, "who may talk to the control plane", resource
        )
        return
    cidrs = [str(field.value) for field in ranges if field.known]
    report.findings(check_networks(block.of(dict).known, cidrs, private), resource)


def _only_by_name(resource: Resource) -> bool:
    """Whether the control plane is reached by its DNS name alone, where IAM decides who gets in."""
    return resource.at("controlPlaneEndpointsConfig", "ipEndpointsConfig", "enabled").get(bool) is False


def _advise_networks(resource: Resource, report: Report) -> None:
    """Authorized networks beside a control plane without addresses: two settings of which one does nothing."""
    block = resource.at("masterAuthorizedNetworksConfig")
    addresses = resource.at("controlPlaneEndpointsConfig", "ipEndpointsConfig", "enabled").of(bool)
    if block.missing or addresses.get(bool) is True or addresses.missing:
        return
    hidden = next((field for field in (addresses, block) if field.unknown), None)
    if hidden is not None:
        report.undecided(hidden, "whether the authorized networks have any effect", resource)
        return
    ranges = [item.at("cidrBlock").get(str) for item in block.at("cidrBlocks").items()]
    report.findings(check_unused_networks([cidr or "(unknown)" for cidr in ranges]), resource)


def _check_nodes(resource: Resource, report: Report) -> None:
    found = [pool for pool, _ in pools(resource)]
    keeps_default = resource.token == CLUSTER and resource.at("removeDefaultNodePool").get(bool) is not True
    if keeps_default and not resource.at("nodeConfig").missing:
        found.append(resource.props)
    for pool in found:
        flex = pool.at("nodeConfig", "flexStart").get(bool) is True
        controls = [c for c in REQUIRED_NODES if not (flex and c.rule == "auto-repair")]
        if pool is resource.props and resource.token == CLUSTER:
            controls = [c for c in controls if not c.path.startswith("management.")]
        _judge(pool, controls, report, resource)


def _advise(resource: Resource, report: Report) -> None:
    if resource.token == CLUSTER:
        hidden = _only_by_name(resource)
        controls = [c for c in ADVISED_CLUSTER if not (hidden and c.rule == "private-endpoint")]
        _judge(resource.props, controls, report, resource)
        _advise_networks(resource, report)
    if resource.token == NODE_POOL:
        _judge(resource.props, ADVISED_NODES, report, resource)
    elif resource.kind == "StorageClass" and resource.at("provisioner").get(str) == DISK_PROVISIONER:
        _judge(resource.props, [DISK_KEY], report, resource)
    elif resource.token == SUBNETWORK and resource.at("purpose").get(str) != PROXY_ONLY_PURPOSE:
        _judge(resource.props, [FLOW_LOGS], report, resource)


CLUSTER_HARDENING: Final = resource_policy(
    name="cluster-hardening",
    title="Clusters are closed to the outside and run by identities",
    description="A cluster needs private nodes, authorized networks, Workload Identity, a release channel and Dataplane V2.",
    remediation="Write private nodes, authorized networks, a workload pool, a release channel and ADVANCED_DATAPATH.",
    severity=Severity.HIGH,
    tags=["security", "cis", "gke"],
    kinds=["Cluster"],
    check=_check_cluster,
    framework=_framework(
        "4.1.8, 4.1.10, 4.3.1, 5.2.2, 5.5.4, 5.5.5, 5.6.3, 5.6.5, 5.7.1, 5.8.1, 5.8.3, 5.10.1, 5.10.2"
    ),
)

NODE_HARDENING: Final = resource_policy(
    name="node-hardening",
    title="Nodes boot what Google signed, as an account of their own",
    description="Node pools need a service account of their own, secure boot, the GKE metadata server and automatic upgrades.",
    remediation="Write serviceAccount, shieldedInstanceConfig.enableSecureBoot and GKE_METADATA; leave management on.",
    severity=Severity.HIGH,
    tags=["security", "cis", "gke"],
    kinds=["NodePool", "Cluster"],
    check=_check_nodes,
    framework=_framework("5.2.1, 5.4.1, 5.5.1, 5.5.2, 5.5.3, 5.5.6, 5.5.7"),
)

HARDENING_ADVISED: Final = resource_policy(
    name="hardening-advised",
    title="Further hardening that costs something",
    description="A private endpoint, keys of one's own, admission of known images only and flow logs are advised, and not free; "
    "authorized networks do nothing for a control plane without addresses.",
    remediation="Turn each on, or exempt it with a reason.",
    severity=Severity.LOW,
    tags=["security", "cis", "gke"],
    kinds=["Cluster", "NodePool", "Subnetwork", "StorageClass"],
    check=_advise,
    enforcement=EnforcementLevel.ADVISORY,
    framework=_framework("5.1.4, 5.3.1, 5.6.1, 5.6.4, 5.8.2, 5.9.1, 5.9.2, 5.10.4"),
)
