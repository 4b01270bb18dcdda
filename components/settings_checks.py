"""Checks that settings share, in the words of settings errors: the field, its value, why not, and what instead."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

from pydantic_core import PydanticCustomError

from rules import gateway, versions
from rules.finding import Finding


def refuse(field: str, value: Any, reason: str, instead: str) -> NoReturn:
    """Rejects a setting.

    Raises:
        PydanticCustomError: Always; its context carries the four parts for `components.loading`.
    """
    raise PydanticCustomError(
        "refused",
        "{field}: {value}: {reason}. Write {instead}.",
        {"field": field, "value": "not set" if value is None else repr(value), "reason": reason, "instead": instead},
    )


def findings(
    found: Iterable[Finding], field: str | None = None, *, names: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Rejects a setting for the first certain finding of the rules; uncertain ones are for the policies to show.

    The finding's own path names the field unless `field` does; `names` turns the rules' words into the settings'.
    """
    for finding in found:
        if finding.certain:
            instead = finding.remedy.removeprefix("Write ").rstrip(".")
            refuse(
                names.get(finding.path, finding.path) if field is None else field,
                finding.value,
                finding.reason.rstrip("."),
                instead,
            )


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
    except ValueError as error:
        refuse("", value, f"this is no GKE version ({error})", f"a version such as {minimum}")
    if not enough:
        refuse("", value, "older clusters do not bring the InferencePool API with them", f"{minimum} or newer")
    return value


def check_gateway_class(value: str) -> str:
    """A GatewayClass that takes an InferencePool backend."""
    findings(gateway.check_gateway_class(value, {gateway.INFERENCE_POOL}), "")
    return value


def check_zone_in_region(zone: str, region: str) -> None:
    """The zone of the TPU nodes lies in the region of the network and the Gateway."""
    if not zone.startswith(f"{region}-"):
        refuse("zone", zone, f"this zone is not in region {region}", f"a zone of {region}, such as {region}-b")


def check_image(value: str) -> str:
    """A container image by a tag that stays, or by digest."""
    name = value.rsplit("/", 1)[-1]
    if "@sha256:" not in name and (":" not in name or name.endswith(":latest")):
        reason = "an image without a fixed tag changes under a running model"
        refuse("", value, reason, "a tag or a digest, such as vllm/vllm-tpu:v0.27.0")
    return value
