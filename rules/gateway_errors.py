"""What GKE's Gateway controller says in conditions and events when it refuses something, with its own codes.

Owns the wording. Does not own what is refused (`gateway.py`, `exposure.py`).
Sources, read 2026-11: operators' notes in public repositories of GWCER102 (`failed to translate Gateway "…": Error GWCER102:
Secret … not found.` as event, the second half as the listener's ResolvedRefs; one missing Secret holds up the plain HTTP listener
too), GWCER104, GWCER105, GWCER106 and the proxy-only subnet; GKE's fork of the conformance tests of
kubernetes-sigs/gateway-api-inference-extension for the endpoint picker's Service. The words after GWCER105 and about other
types of address are ours: nobody has shown GKE's.
"""

from __future__ import annotations

from typing import Final

from rules.finding import Finding

REFUSED: Final = "GWCER104"
"""Code of a route with something that GKE does not do."""
NOT_FOUND: Final = "GWCER102"
"""Code of an object that is referred to and not there."""
CERTIFICATES: Final = "GWCER105"
"""Code of a listener whose certificates come from no place that GKE knows, or from several."""

PROXY_ONLY_MISSING: Final = (
    "An active proxy-only subnetwork is required in the same region and VPC as the forwarding rule."
)
"""Compute Engine's answer when the load balancer of a regional class is made without such a subnet."""


def route(namespace: str, name: str, code: str, message: str) -> str:
    """An error of an HTTPRoute."""
    return f'error cause: gateway-api: HTTPRoute "{namespace}/{name}" is misconfigured, err: {code}: {message}'


def refusal(finding: Finding) -> str:
    """The controller's own words for a refused field of a route, where they are known."""
    if finding.rule == "timeouts":
        return "Timeouts are not supported."
    if finding.rule == "regular-expression" and finding.path.endswith("path.type"):
        return "Paths must start with a '/' character."
    return finding.message


def missing(where: str) -> str:
    """A backend that does not exist; `where` is its kind and name."""
    return f"{NOT_FOUND}: {where} not found."


def port_missing(where: str, port: object) -> str:
    """A backend Service without that port."""
    return f"{NOT_FOUND}: {where} has no port {port}."


def picker_missing(namespace: str, name: str) -> str:
    """A pool whose endpoint picker's Service, or its port, is not there: the route stays accepted, and nothing is programmed."""
    return f"error cause: no-error-isolation: missing neg status in annotation of extension service {namespace}/{name}"


def address_missing(namespace: str, name: str, address: str) -> str:
    """A reserved address that is of another scope, region or project than the Gateway, or does not exist at all."""
    return (
        f'error cause: gateway-api: gateway "{namespace}/{name}" is invalid, err: GWCER106: Address '
        f'"{address}" does not exist in the project and scope of the Gateway.'
    )


def address_type(kind: str) -> str:
    """A type of address that GKE does not have."""
    return f"error cause: address type {kind} is not supported; write NamedAddress or IPAddress."


def secret_missing(namespace: str, name: str) -> str:
    """A certificate's Secret that does not exist."""
    return f"Error {NOT_FOUND}: Secret {namespace}/{name} not found."


def not_translated(namespace: str, name: str, error: str) -> str:
    """An error of one listener, as the whole Gateway has it."""
    return f'failed to translate Gateway "{namespace}/{name}": {error}'
