"""Checks that settings share, in the words of settings errors: the field, its value, why not, and what instead."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NoReturn

from pydantic_core import PydanticCustomError

from rules import gateway, kserve, kserve_install, tpu, versions
from rules.finding import Finding


def refuse(field: str, value: Any, reason: str, instead: str) -> NoReturn:
    """Rejects a setting, with what to write instead.

    Raises:
        PydanticCustomError: Always; its context carries the four parts for `components.loading`.
    """
    _refuse(field, value, reason, f"Write {instead}.")


def _refuse(field: str, value: Any, reason: str, remedy: str) -> NoReturn:
    raise PydanticCustomError(
        "refused",
        "{field}: {value}: {reason}. {remedy}",
        {"field": field, "value": "not set" if value is None else repr(value), "reason": reason, "remedy": remedy},
    )


def findings(
    found: Iterable[Finding], field: str | None = None, *, names: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Rejects a setting for the first certain finding of the rules; uncertain ones are for the policies to show.

    The finding's own path names the field unless `field` does; `names` turns the rules' words into the settings'.
    """
    for finding in found:
        if finding.certain:
            where = names.get(finding.path, finding.path) if field is None else field
            _refuse(where, finding.value, finding.reason.rstrip("."), finding.remedy)


def check_cidr(value: str) -> str:
    """An IPv4 range in CIDR notation, without host bits."""
    try:
        ipaddress.IPv4Network(value)
    except ValueError as error:
        refuse("", value, f"this is no IPv4 range ({error})", "a range such as 10.0.0.0/20")
    return value


def check_version(value: str) -> str:
    """A full GKE version whose cluster has what the stack needs."""
    minimum = versions.MINIMUM_OWNED_INFERENCE_POOL_CRD
    try:
        enough = versions.at_least(value, minimum)
    except ValueError:
        refuse("", value, "this is no GKE version", f"a version such as {minimum}")
    if not enough:
        refuse("", value, "older clusters do not bring the InferencePool API with them", f"{minimum} or newer")
    return value


def check_gateway_class(value: str) -> str:
    """A GatewayClass that takes an InferencePool backend."""
    findings(gateway.check_gateway_class(value, {gateway.INFERENCE_POOL}), "")
    return value


def check_kserve(value: str) -> str:
    """A release of KServe that works behind a GKE Gateway."""
    findings(kserve_install.check_kserve_version(value), "")
    return value


def check_control_plane_cidr(value: str) -> str:
    """A range of the one size that GKE takes for a control plane."""
    if ipaddress.IPv4Network(check_cidr(value)).prefixlen != 28:
        refuse("", value, "a control plane has a range of 16 addresses", "a /28 such as 172.16.0.0/28")
    return value


def check_namespace(value: str) -> str:
    """A namespace that nothing else of the platform or of Kubernetes lives in."""
    charts = (kserve.CERT_MANAGER_CHART, kserve.LWS_CHART, kserve.KSERVE_CHART)
    if value in {"default", *(chart.namespace for chart in charts)} or value.startswith(("kube-", "gke-")):
        refuse("", value, "this namespace belongs to something else", "a name of its own, such as inference")
    return value


def check_zone_in_region(zone: str, region: str, field: str = "zone") -> None:
    """The zone of nodes lies in the region of the network and the Gateway."""
    if zone == region:
        nodes = "TPU nodes" if field == "zone" else "nodes"
        reason = f"this is the region, and the {nodes} are in one zone of it"
        refuse(field, zone, reason, f"a zone of {region}, such as {region}-b")
    if not zone.startswith(f"{region}-"):
        refuse(field, zone, f"this zone is not in region {region}", f"a zone of {region}, such as {region}-b")


def check_slice(machine_type: str, topology: str) -> None:
    """A slice that the machine type makes, in a whole number of nodes."""
    names = {"tpuTopology": "topology"}
    found = tpu.check_slice(machine_type, topology)
    findings(found, names=names)
    machine = tpu.machine_type(machine_type)
    if machine is None or tpu.chips(topology) % machine.chips_per_vm:
        # Not in the tables, which may be incomplete; but what cannot be counted in nodes cannot be built either.
        findings((replace(finding, certain=True) for finding in found), names=names)


_FIXED_TAG = re.compile(r"[^\s:@]+:(?!latest$)\w[\w.-]{0,127}|[^\s@]+@sha256:[0-9a-f]{64}", re.ASCII)


def check_image(value: str) -> str:
    """A container image by a tag that stays, or by digest."""
    if " " in value or _FIXED_TAG.fullmatch(value.rsplit("/", 1)[-1]) is None:
        reason = "an image without a fixed tag changes under a running model"
        refuse("", value, reason, "a tag or a digest, such as vllm/vllm-tpu:v0.27.0")
    return value
