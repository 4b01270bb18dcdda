"""Remedies: the handful of findings that have exactly one right answer, written into the resource instead of reported.

Owns what is changed and how, without disturbing what is unknown or secret around it. Nothing is changed unless the
pack's configuration sets the policy's `enforcementLevel` to `remediate`; whatever is left wrong still blocks, because
the engine has the same policy judge the result. A finding that an exemption covers is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY, serialize_properties
from pulumi_policy.proxy import unknown_checking_proxy

from policies.reading import Field
from policies.resources import Resource
from rules.gateway import GATEWAY_GROUP, GKE_NETWORKING_GROUP
from rules.health import FIXED_PORT, MEMBERS, NAMED_PORT
from rules.remedies import asks_for_nothing, certain_label, is_single_host

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One value to write.

    Attributes:
        rule: The rule whose finding it remedies.
        path: Where it stands in the resource's properties.
        value: What is written; None takes the property away.
    """

    rule: str
    path: Steps
    value: object = None


Fix = Callable[[Resource], Iterator[Change]]
"""The changes that one resource needs; it gets what is known, and reads as carefully as a policy does."""


def wire(props: Mapping[str, Any]) -> dict[str, Any]:
    """Properties as the engine sent them: unknown values and secrets are marked, not opened."""
    return cast("dict[str, Any]", serialize_properties(props))


def judged(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The same as policies see them: secrets are open, unknown values answer as such."""
    return unknown_checking_proxy(cast("dict[str, Any]", _opened(sent)))


def apply(sent: dict[str, Any], changes: Sequence[Change]) -> bool:
    """Writes the changes into what the engine sent; whether anything is different. Secret parts are not touched."""
    done = [_put(sent, change.path, change.value) for change in changes]
    return any(done)


def _opened(value: Any) -> Any:
    if isinstance(value, dict):
        mapping = cast("dict[str, Any]", value)
        if mapping.get(SPECIAL_SIG_KEY) == SPECIAL_SECRET_SIG:
            return _opened(mapping.get("value"))
        return {key: _opened(item) for key, item in mapping.items()}
    return [_opened(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value


def _put(place: Any, path: Steps, value: object) -> bool:
    step, *rest = path
    if isinstance(place, dict):
        holder = cast("dict[Any, Any]", place)
        if SPECIAL_SIG_KEY in holder:
            return False
        if rest:
            return step in holder and _put(holder[step], tuple(rest), value)
        if value is None:
            return holder.pop(step, None) is not None
        changed = holder.get(step) != value
        holder[step] = value
        return changed
    if isinstance(place, list) and isinstance(step, int) and step < len(cast("list[Any]", place)) and rest:
        return _put(cast("list[Any]", place)[step], tuple(rest), value)
    return False


def port_specification(resource: Resource) -> Iterator[Change]:
    """A port without the field that says it counts: GKE then checks another, or the API server refuses the policy."""
    if resource.group != GKE_NETWORKING_GROUP:
        return
    config = resource.at("spec", "default", "config")
    member = MEMBERS.get(config.at("type").get(str) or "")
    if member is None or not config.at(member, "portSpecification").missing:
        return
    fixed, named = (not config.at(member, name).missing for name in ("port", "portName"))
    if fixed != named:
        path = ("spec", "default", "config", member, "portSpecification")
        yield Change("port", path, FIXED_PORT if fixed else NAMED_PORT)


def zero_timeouts(resource: Resource) -> Iterator[Change]:
    """Timeouts of 0 s, which ask for no limit and are refused all the same; longer ones are somebody's intention."""
    routed = (resource.kind, resource.group) == ("HTTPRoute", GATEWAY_GROUP)
    above: Steps = ("spec",) if routed else ("spec", "router", "route", "http", "spec")
    for index, rule in enumerate(resource.at(*cast("tuple[str, ...]", above), "rules").items()):
        timeouts = rule.at("timeouts").of(dict)
        if timeouts.known and not any(True for _ in timeouts.unknowns()) and asks_for_nothing(timeouts.value):
            yield Change("timeouts", (*above, "rules", index, "timeouts"))


def single_host_placement(resource: Resource) -> Iterator[Change]:
    """A placement policy on slices of one host, where there is nothing to place together."""
    for above, pool in _pools(resource):
        placement = pool.at("placementPolicy").of(dict)
        machine = pool.at("nodeConfig", "machineType").get(str)
        if machine is None or not placement.known or any(True for _ in placement.unknowns()):
            continue
        written = {key for key, value in cast("dict[str, Any]", placement.value).items() if value is not None}
        topology = placement.at("tpuTopology").get(str)
        if written <= {"type", "tpuTopology"} and topology is not None and is_single_host(machine, topology):
            yield Change("placement", (*above, "placementPolicy"))


def _pools(resource: Resource) -> Iterator[tuple[Steps, Field]]:
    if resource.kind == "NodePool":
        yield (), resource.props
    elif resource.kind == "Cluster":
        for index, pool in enumerate(resource.at("nodePools").items()):
            yield ("nodePools", index), pool


def accelerator_label(label: str, selectors: Callable[[Resource], Iterator[Field]]) -> Fix:
    """Writes the node label where a product's or machine's name stands; `selectors` finds a resource's node selectors."""

    def fix(resource: Resource) -> Iterator[Change]:
        for selector in selectors(resource):
            right = certain_label(selector.at(label).get(str) or "")
            if right is not None:
                yield Change("accelerator", (*steps_of(selector.path), label), right)

    return fix


def steps_of(path: str) -> Steps:
    """A path of plain names and places in lists, step by step."""
    found: list[str | int] = []
    for part in path.split("."):
        name, *places = part.split("[")
        found += [name, *(int(place.rstrip("]")) for place in places)]
    return tuple(found)


REMEDIED: Final = ("health-check-policy", "httproute-features", "tpu-accelerator-label", "tpu-node-pool")
"""The policies that take the level `remediate`; at others it blocks."""
