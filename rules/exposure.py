"""What a Gateway opens to the outside, and whether its listeners and address can be programmed.

Owns listeners, certificates and addresses. Does not own classes and backends (`gateway.py`).
Sources: GKE's secure-gateway and configure-gateway-resources guides (2026); operators' reports of GWCER105 and GWCER106.
"""

from __future__ import annotations

from typing import Final

from rules.finding import Finding
from rules.gateway import CERTIFICATE_OPTION, PRE_SHARED_OPTION, REGIONAL_INTERNAL, is_regional_class

CERTIFICATE_MAP_ANNOTATION: Final = "networking.gke.io/certmap"
TLS_OPTIONS: Final = (CERTIFICATE_OPTION, PRE_SHARED_OPTION)
NAMED_ADDRESS: Final = "NamedAddress"


def is_external(class_name: str) -> bool:
    """Whether Gateways of that class answer on the internet."""
    return (
        class_name.startswith("gke-l7-")
        and "internal" not in class_name
        and not class_name.startswith(REGIONAL_INTERNAL)
    )


def check_plain_http(protocol: str | None, class_name: str, path: str, *, redirects: bool) -> list[Finding]:
    """Whether a listener of an external Gateway encrypts; `redirects` is whether its routes only send clients to https."""
    if protocol != "HTTP" or not is_external(class_name) or redirects:
        return []
    return [
        Finding(
            path=path,
            value=protocol,
            reason="prompts, answers and API keys cross the internet unencrypted, for everybody on the way to read",
            remedy="Write HTTPS, port 443 and a certificate, or redirect every request to https.",
            rule="plain-http",
        )
    ]


def check_redirect_loop(protocol: str | None, listener: str | None, path: str) -> list[Finding]:
    """Whether a rule that redirects to https is attached to a listener that is https already."""
    if protocol != "HTTPS":
        return []
    return [
        Finding(
            path=path,
            value="https",
            reason=f"the route is attached to the HTTPS listener {listener} too, which redirects every request to itself: "
            "clients end in 'too many redirects', and no model is reached",
            remedy="Write sectionName of the HTTP listener in parentRefs.",
            rule="redirect-loop",
        )
    ]


def check_certificates(
    protocol: str | None, has_refs: bool, options: frozenset[str], has_map: bool, path: str
) -> list[Finding]:
    """Whether an HTTPS listener has exactly one source of certificates."""
    if protocol != "HTTPS":
        return []
    known = options & frozenset(TLS_OPTIONS)
    sources = has_refs + len(known) + has_map
    if sources == 1:
        return []
    if sources:
        return [
            Finding(
                path=path,
                value="several certificate sources",
                reason="a listener takes its certificates from one place; GKE stops with GWCER105",
                remedy=f"Keep one of certificateRefs, {' and '.join(TLS_OPTIONS)}.",
                rule="certificate",
            )
        ]
    return [
        Finding(
            path=path,
            value=None,
            reason="an HTTPS listener without a certificate is never programmed",
            remedy=f"Write tls.options with {CERTIFICATE_OPTION}, or certificateRefs to a Secret.",
            rule="certificate",
        )
    ]


def check_certificate_map(class_name: str, value: object) -> list[Finding]:
    """Whether a Gateway of that class takes a certificate map; `value` is that of the annotation, None without one."""
    if value is None or not is_regional_class(class_name):
        return []
    return [
        Finding(
            path=f"metadata.annotations['{CERTIFICATE_MAP_ANNOTATION}']",
            value=value,
            reason="certificate maps are for global classes; a regional Gateway ignores them and has no certificate",
            remedy=f"Write tls.options with {CERTIFICATE_OPTION} and a regional certificate on the listener.",
            rule="certificate",
        )
    ]


def check_address(
    class_name: str, name: str, path: str, *, regional: frozenset[str], global_: frozenset[str]
) -> list[Finding]:
    """Whether a named address is of the scope that the class needs; the sets are the addresses the stack declares."""
    wants_regional = is_regional_class(class_name)
    right, wrong = (regional, global_) if wants_regional else (global_, regional)
    if name in right or name not in wrong:
        return []
    scope, other = ("regional", "global") if wants_regional else ("global", "regional")
    return [
        Finding(
            path=path,
            value=name,
            reason=f"the stack declares it as a {other} address, and a Gateway of class {class_name} looks for a {scope} one: "
            "'address does not exist' (GWCER106)",
            remedy=f"Declare it as a {scope} address.",
            rule="address",
        )
    ]
