"""What protects a Gateway at the edge: Cloud Armor, Identity-Aware Proxy, Model Armor, SSL policies.

Owns their limits and what makes them work on regional load balancers. Does not own listeners (`exposure.py`) nor timeouts and
targets of backend policies (`backend.py`).
Sources: Cloud Armor's security policy overview and quotas (2026): regional policies attach to regional external and internal
Application Load Balancers; IAP's load balancer guide (2026); GoogleCloudPlatform/gke-gateway-api#57 (2026-07-30, open): a
GCPBackendPolicy still needs an OAuth client of one's own; GKE's guide to Model Armor on a Gateway (2026); CRDs as served by GKE
1.33 (dumped 2026-02-18). That GKE attaches IAP on regional classes is documented for the load balancer, not seen by us on GKE.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from rules.exposure import is_external
from rules.finding import Finding
from rules.gateway import GATEWAY_GROUP, is_gke_class, is_regional_class

GATEWAY_POLICY: Final = "GCPGatewayPolicy"
TRAFFIC_EXTENSION: Final = "GCPTrafficExtension"
TRAFFIC_EXTENSION_EVENTS: Final = (
    "RequestHeaders",
    "RequestBody",
    "RequestTrailers",
    "ResponseHeaders",
    "ResponseBody",
    "ResponseTrailers",
)
EXTENSION_TIMEOUT_MILLISECONDS: Final = range(10, 10001)
CEL_MATCHER_LENGTH: Final = 512

EXTENSIONS_API: Final = "networkservices.googleapis.com"
"""Network Services, of which extensions of load balancers are a part."""
MODEL_ARMOR_API: Final = "modelarmor.googleapis.com"
MODEL_ARMOR_SETTINGS: Final = "model_armor_settings"
"""Metadata key of the callout: a JSON list, one entry a model; `default` stands for every other model."""
MODEL_ARMOR_ROLES: Final = (
    "roles/modelarmor.calloutUser",
    "roles/modelarmor.user",
    "roles/serviceusage.serviceUsageConsumer",
)
"""What the project's service extensions agent needs; a callout without them fails, whatever `failOpen` says (operators, 2026)."""
_MODEL_ARMOR: Final = re.compile(r"modelarmor\.(?:(?P<region>[a-z0-9-]+)\.rep\.)?googleapis\.com")
_DURATION_PART: Final = re.compile(r"(\d+)(ms|h|m|s)")
_MILLISECONDS: Final = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}

IAP_API: Final = "iap.googleapis.com"
IAP_CLIENT_ID: Final = r"^[0-9]+-[a-z0-9]+\.apps\.googleusercontent\.com$"
IAP_ROLE: Final = "roles/iap.httpsResourceAccessor"
"""IAP-secured Web App User: without it nobody passes, whatever else they may do in the project."""
IAP_MEMBER: Final = re.compile(
    r"(user|group|serviceAccount):[^@\s:]+@[^@\s]+\.[^@\s]+|domain:[^@\s:]+\.[^@\s:]+|principal(Set)?://iam\.googleapis\.com/\S+"
)
"""Who may be named: an account, a group, a domain, or federated identities."""
CONDITION_TERMS: Final = 13
"""Comparisons in one IAM condition, which takes twelve logical operators between them (IAM's quotas, 2026)."""
IAP_SECRET: Final = "iap-oauth-client"  # noqa: S105 - the name of a Secret
"""Name of the Kubernetes Secret that this program has made for it."""
IAP_SECRET_KEY: Final = "key"  # noqa: S105 - the name of a field
"""Field of the Kubernetes Secret that holds the OAuth client's secret; GKE takes the only one there is."""

SECURITY_POLICY_TYPE: Final = "CLOUD_ARMOR"
SOURCE_RANGES_EXPRESSION: Final = "SRC_IPS_V1"
ANY_SOURCE: Final = "*"
RANGES_PER_RULE: Final = 10
"""Address ranges that one rule of a security policy takes."""
DEFAULT_RULE_PRIORITY: Final = 2147483647
"""Priority of the rule that every security policy ends with."""
RATE_INTERVALS_SECONDS: Final = (10, 30, 60, 120, 180, 240, 300, 600, 900, 1200, 1800, 2700, 3600)
"""Windows over which Cloud Armor counts requests."""

SSL_PROFILES: Final = ("COMPATIBLE", "MODERN", "RESTRICTED")
MINIMUM_TLS: Final = ("TLS_1_0", "TLS_1_1", "TLS_1_2")
"""What a Compute Engine SSL policy takes as the oldest version of TLS."""


def model_armor_service(region: str) -> str:
    """Model Armor's regional endpoint, in whose region template and Gateway have to be."""
    return f"modelarmor.{region}.rep.googleapis.com"


def extensions_agent(project_number: str) -> str:
    """The service account that calls out for a project's load balancers.

    Google makes it with the service identity of Network Services, whose own answer names another of that API's agents
    (GoogleCloudPlatform/terraform-google-enterprise-application makes that identity before it grants these roles, 2026; IAM's
    list of service agents names gcp-sa-networkactions for the API).
    """
    return f"service-{project_number}@gcp-sa-dep.iam.gserviceaccount.com"


def model_armor_settings(template: str) -> str:
    """The callout's settings that send prompts and answers of every model through `template`."""
    wanted = {"model": "default", "user_prompt_template_id": template, "model_response_template_id": template}
    return json.dumps([wanted], sort_keys=True)


def host_condition(hostnames: Sequence[str]) -> str:
    """The IAM condition that holds for requests to these host names and no others; `CONDITION_TERMS` names at most.

    IAP compares the name it has normalised: lower case, without a dot at its end (Chrome Enterprise Premium's page on host
    name and path conditions, 2026).
    """
    return " || ".join(f'request.host == "{host}"' for host in hostnames)


def check_iap(iap: object, path: str = "spec.default.iap") -> list[Finding]:
    """Whether GKE can switch IAP on with what a GCPBackendPolicy's `iap` says."""
    block = _mapping(iap)
    if block.get("enabled") is not True:
        return []
    secret = _mapping(block.get("oauth2ClientSecret")).get("name")
    lacking = [
        name for name, value in (("clientID", block.get("clientID")), ("oauth2ClientSecret.name", secret)) if not value
    ]
    return [
        Finding(
            path=f"{path}.{name}",
            value=None,
            reason="GKE attaches IAP with an OAuth client of your own only; without it the policy is not programmed and the "
            "backend answers everybody",
            remedy="Write the client's id, and the name of a Secret in the policy's namespace with its secret.",
            rule="iap",
        )
        for name in lacking
    ]


def check_iap_transport(protocols: Sequence[str], path: str = "spec.default.iap") -> list[Finding]:
    """Whether listeners of these protocols can serve a backend with IAP: a sign-in needs an encrypted one."""
    if not protocols or any(protocol in {"HTTPS", "TLS"} for protocol in protocols):
        return []
    return [
        Finding(
            path=path,
            value="enabled",
            reason="every Gateway in front of the backend speaks plain HTTP, where IAP's sign-in and its cookies do not work "
            "and credentials cross the network readable",
            remedy="Write an HTTPS listener with a certificate, or leave iap out.",
            rule="iap",
        )
    ]


def check_gateway_policy(spec: Mapping[str, Any], own_namespace: str | None) -> list[Finding]:
    """Whether a GCPGatewayPolicy's target can be one; class questions are `check_gateway_policy_class`'s."""
    target = _mapping(spec.get("targetRef"))
    findings: list[Finding] = []
    if target and (target.get("kind"), target.get("group")) != ("Gateway", GATEWAY_GROUP):
        findings.append(
            Finding(
                path="spec.targetRef",
                value=f"{target.get('group')}/{target.get('kind')}",
                reason="the API server takes it and GKE leaves the policy unattached: it is for Gateways alone",
                remedy=f"Write group {GATEWAY_GROUP} and kind Gateway.",
                rule="target",
            )
        )
    namespace = target.get("namespace")
    if isinstance(namespace, str) and own_namespace is not None and namespace != own_namespace:
        findings.append(
            Finding(
                path="spec.targetRef.namespace",
                value=namespace,
                reason="a policy attaches to Gateways of its own namespace only",
                remedy=f"Leave it out, and put the policy into namespace {namespace}.",
                rule="target",
            )
        )
    return findings


def check_gateway_policy_class(default: Mapping[str, Any], class_name: str) -> list[Finding]:
    """Whether what a GCPGatewayPolicy asks for exists on Gateways of that class."""
    if default.get("allowGlobalAccess") is not True or not is_external(class_name):
        return []
    return [
        Finding(
            path="spec.default.allowGlobalAccess",
            value=True,
            reason=f"a Gateway of class {class_name} answers the whole internet already; only internal ones are bound to a "
            "region, and GKE refuses the policy",
            remedy="Leave allowGlobalAccess out.",
            rule="global-access",
        )
    ]


def check_traffic_extension(spec: Mapping[str, Any], region: str | None = None) -> list[Finding]:
    """Whether the callouts of a GCPTrafficExtension guard what they stand in front of; `region` is the Gateway's if known."""
    findings: list[Finding] = []
    for number, target in enumerate(_mappings(spec.get("targetRefs"))):
        if (target.get("kind"), target.get("group")) != ("Gateway", GATEWAY_GROUP):
            findings.append(
                Finding(
                    path=f"spec.targetRefs[{number}]",
                    value=f"{target.get('group')}/{target.get('kind')}",
                    reason="extensions attach to Gateways alone; GKE leaves this one unattached",
                    remedy=f"Write group {GATEWAY_GROUP} and kind Gateway.",
                    rule="target",
                )
            )
    for chain_number, chain in enumerate(_mappings(spec.get("extensionChains"))):
        for number, extension in enumerate(_mappings(chain.get("extensions"))):
            path = f"spec.extensionChains[{chain_number}].extensions[{number}]"
            findings += _check_callout(extension, path, region)
    return findings


def _check_callout(extension: Mapping[str, Any], path: str, region: str | None) -> list[Finding]:
    findings: list[Finding] = []
    wait = extension.get("timeout")
    milliseconds = duration_milliseconds(wait) if isinstance(wait, str) else None
    if milliseconds is not None and milliseconds not in EXTENSION_TIMEOUT_MILLISECONDS:
        findings.append(
            Finding(
                path=f"{path}.timeout",
                value=wait,
                reason="the API server refuses it",
                remedy="Write 10ms to 10000ms.",
                rule="limits",
            )
        )
    service = extension.get("googleAPIServiceName")
    match = _MODEL_ARMOR.fullmatch(service) if isinstance(service, str) else None
    if match is None:
        return findings
    if extension.get("failOpen") is True:
        findings.append(
            Finding(
                path=f"{path}.failOpen",
                value=True,
                reason="while Model Armor is slow or away, prompts and answers pass unchecked and nobody notices",
                remedy="Write false.",
                rule="fail-open",
            )
        )
    if region is not None and match["region"] != region:
        findings.append(
            Finding(
                path=f"{path}.googleAPIServiceName",
                value=service,
                reason=f"templates are regional and the Gateway is in {region}: the callout finds no template there and "
                "every request fails",
                remedy=f"Write {model_armor_service(region)}.",
                rule="region",
            )
        )
    events = extension.get("supportedEvents")
    listed = [str(event) for event in cast("Sequence[Any]", events)] if isinstance(events, list) else []
    absent = [event for event in ("RequestBody", "ResponseBody") if event not in listed]
    if absent:
        findings.append(
            Finding(
                path=f"{path}.supportedEvents",
                value=listed or None,
                reason=f"without {' and '.join(absent)} Model Armor never sees the text it has to judge",
                remedy=f"Write {', '.join(TRAFFIC_EXTENSION_EVENTS)}.",
                rule="events",
            )
        )
    return findings


def check_extension_class(class_name: str, path: str) -> list[Finding]:
    """Whether Gateways of that class take traffic extensions."""
    if is_regional_class(class_name) or not is_gke_class(class_name):
        return []
    return [
        Finding(
            path=path,
            value=class_name,
            reason="GKE runs traffic extensions on regional Gateways only; here nothing is ever called",
            remedy="Write gke-l7-regional-external-managed or gke-l7-rilb.",
            rule="extension-class",
        )
    ]


def duration_milliseconds(text: str) -> int | None:
    """A duration such as `500ms` or `1s500ms`; None for what is none."""
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(int(number) * _MILLISECONDS[unit] for number, unit in parts)


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        return []
    return [cast("Mapping[str, Any]", item) for item in cast("Sequence[Any]", value) if isinstance(item, Mapping)]
