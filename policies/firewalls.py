"""Do firewall rules keep nodes away from the internet?"""

from __future__ import annotations

from typing import Final

from pulumi_policy import PolicyComplianceFramework, Severity

from policies.framework import Report, resource_policy
from policies.reading import Field
from policies.resources import Resource
from rules.firewall import check_open
from rules.hardening import BENCHMARK, BENCHMARK_VERSION, EVERYWHERE

FIREWALL: Final = "gcp:compute/firewall:Firewall"


def _check(resource: Resource, report: Report) -> None:
    if resource.token != FIREWALL or resource.at("direction").get(str) == "EGRESS":
        return
    if resource.at("disabled").get(bool) is True:
        return
    sources = _sources(resource, report)
    for entry in resource.at("allows").items() if sources else ():
        protocol = entry.at("protocol").of(str)
        listed = entry.at("ports")
        ports = [port.of(str) for port in listed.items()]
        hidden = next((field for field in (protocol, *ports) if field.unknown), None)
        if hidden is not None:
            report.undecided(hidden, "what the rule opens to everybody", resource)
            continue
        known = None if listed.missing or not ports else [str(port.value) for port in ports]
        report.findings(check_open(sources, protocol.get(str) or "", known, entry.path), resource)


def _sources(resource: Resource, report: Report) -> list[str]:
    """The ranges it opens to, as far as they are everybody; none when the sources are named otherwise."""
    others = [resource.at(name) for name in ("sourceTags", "sourceServiceAccounts")]
    ranges = resource.at("sourceRanges")
    if ranges.missing or ranges.value == []:
        return [] if any(not other.missing and other.value != [] for other in others) else [EVERYWHERE[0]]
    listed = [item.of(str) for item in ranges.items()]
    hidden: Field | None = next((field for field in listed if field.unknown), None)
    everybody = [str(field.value) for field in listed if field.known and field.value in EVERYWHERE]
    if hidden is not None and not everybody:
        report.undecided(hidden, "whom the rule lets in", resource)
    return everybody


FIREWALL_OPEN: Final = resource_policy(
    name="firewall-open",
    title="Firewall rules do not open nodes to the internet",
    description="An ingress rule for everybody on ports of nodes lets anyone try the kubelet, SSH or node ports.",
    remediation="Name the ranges that need it: health checks, the proxy-only subnet, the control plane.",
    severity=Severity.HIGH,
    tags=["security", "cis", "network"],
    kinds=["Firewall"],
    check=_check,
    framework=PolicyComplianceFramework(name=BENCHMARK, version=BENCHMARK_VERSION, reference="5.6.6"),
)
