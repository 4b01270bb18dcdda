"""Does a route to several InferencePools come after the routes that bring those pools about?

Stack policy, over HTTPRoutes of one's own and the LLMInferenceServices whose pools they name. The service whose own route it is
gets its pool with it. Pools that somebody else declares, and services that KServe makes the route of, are left out; so is what
comes from files, which do not say what waits for what.
"""

from __future__ import annotations

from typing import Final, Literal

from pulumi_policy import Severity

from policies.framework import Report, stack_policy
from policies.reading import Field, Unknown
from policies.resources import Name, Resource, same_key
from policies.routing import KINDS, Reference, Service, Stack, backends, is_pool
from rules.route_order import QUESTION, check_pool_order


def _check(resources: list[Resource], report: Report) -> None:
    if not report.order.told:
        return
    stack = Stack(resources)
    made: dict[tuple[Name, Name], Service] = {}
    for service in stack.services:
        names = service.generated
        if names is not None and not service.scheduler.missing and service.scheduler.at("pool", "ref").missing:
            made[service.resource.namespace, names.inference_pool] = service
    for route in stack.routes:
        shared = _pools(route)
        for key, ref in shared.items() if len(shared) > 1 else ():
            if not _hidden(ref):
                if key in made:
                    _check_pool(route, ref, made[key], report)
                continue
            possible = [service for mine, service in made.items() if same_key(key, mine) is not False]
            if any(_waits(route, service, report) is not True for service in possible):
                report.undecided(ref.first_unknown or ref.field, QUESTION, route)


def _hidden(ref: Reference) -> bool:
    """Whether it cannot be told which pool is meant."""
    return any(isinstance(part, Unknown) for part in (ref.group, ref.kind, *ref.key))


def _pools(route: Resource) -> dict[tuple[Name, Name], Reference]:
    """The InferencePools that a route names, or may name, each by its first reference."""
    found: dict[tuple[Name, Name], Reference] = {}
    for ref in backends(route.at("spec"), route.namespace):
        if is_pool(ref) is not False:
            found.setdefault(ref.key, ref)
    return found


def _check_pool(route: Resource, ref: Reference, service: Service, report: Report) -> None:
    waits = _waits(route, service, report)
    if isinstance(waits, Field):
        report.undecided(waits, QUESTION, service.resource)
    elif isinstance(waits, Resource):
        report.finding(check_pool_order(f"{ref.field.path}.name", str(ref.name), waits.label), route)


def _waits(route: Resource, service: Service, report: Report) -> Resource | Field | Literal[True]:
    """True where the route waits for the service's own, or is it; else that route, or the field that hides which it is."""
    refs = service.route.at("http", "refs")
    if refs.unknown:
        return refs
    certain, possible = service.routes()
    if any(own.urn == route.urn for own in certain):
        return True
    for own in certain:
        if not report.order.after(route.urn, own.urn):
            return own
    unclear = next(
        (own for own in possible if own.urn != route.urn and not report.order.after(route.urn, own.urn)), None
    )
    if unclear is None:
        return True
    return next(refs.unknowns(), Field(refs.path, Unknown(f"the name of {unclear.label} is not known")))


ROUTE_ORDER: Final = stack_policy(
    name="inference-pool-order",
    title="A route to several InferencePools waits until each of them comes about",
    description="KServe makes a service's InferencePool after its own route, and a route that names none holds up the Gateway.",
    remediation="Let the route that shares requests among services depend on the own route of each of them.",
    severity=Severity.HIGH,
    tags=["gateway", "kserve"],
    kinds=KINDS,
    check=_check,
)
