"""What can be concluded from files that may be only part of a deployment.

In a Pulumi stack what is not declared is not there. In a folder of YAML it may stand in another repository, be made by
a controller, or belong to another Gateway controller than GKE's. So unless the caller says that the files are complete:

- Gateways of another controller's classes, and routes and LLMInferenceServices all of whose Gateways are such and in
  view, are none of GKE's business;
- policies that say what is *missing* behind a Gateway speak only where a Gateway of GKE's is in view;
- that something else is missing (a chart, a namespace's NetworkPolicy) is not said at all.

Judges nothing itself: it says which policy may speak about which resource.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

from pulumi_policy import Policy, PolicyResource

from policies.reading import Unknown
from policies.resources import Name, read_stack
from policies.routing import KINDS, Stack, parents, reference
from rules.gateway import GATEWAY_GROUP, is_gke_class

MISSING_BEHIND_GATEWAY: Final = frozenset({"backend-health-check", "backend-timeout", "kserve-managed-route"})
"""Policies that report the absence of another object, and only for what GKE serves."""
MISSING_ANYWHERE: Final = frozenset({("kserve-install", "companion"), ("namespace-network-policy", "network-policy")})
"""Policies and their rules that report the absence of what is often declared elsewhere."""
_GATEWAY_TAG: Final = "gateway"


class Attachment(Enum):
    """Whose Gateways something is served through."""

    GKE = "GKE's"
    OTHER = "another controller's"
    UNSEEN = "not in view"


class View:
    """Which policy may speak about which resource."""

    def __init__(self, resources: Iterable[PolicyResource], *, complete: bool = False) -> None:
        self._complete = complete
        self._attachments: dict[str, Attachment] = {}
        if not complete:
            stack = Stack(read_stack(resources, frozenset(KINDS)))
            self._classes = {g.key: g.at("spec", "gatewayClassName").get(str) for g in stack.gateways}
            for gateway in stack.gateways:
                if self._attachment([gateway.key]) is Attachment.OTHER:
                    self._attachments[gateway.urn] = Attachment.OTHER
            routes = {route.key: route for route in stack.routes}
            for route in stack.routes:
                self._attachments[route.urn] = self._attachment(
                    [ref.key for ref in parents(route.at("spec"), route.namespace)]
                )
            for service in stack.services:
                own = service.resource.namespace
                refs = [
                    reference(ref, group=GATEWAY_GROUP, kind="Gateway", namespace=own)
                    for ref in service.spec.at("router", "gateway", "refs").items()
                ]
                refs += parents(service.route.at("http", "spec"), own)
                for field in service.route_refs:
                    route = routes.get((own, field.at("name").get(str) or Unknown()))
                    refs += parents(route.at("spec"), route.namespace) if route else []
                self._attachments[service.resource.urn] = self._attachment([ref.key for ref in refs])

    def may_speak(self, policy: Policy, rule: str, urn: str | None) -> bool:
        """Whether what the policy says about the resource by that rule can be relied on."""
        if self._complete:
            return True
        if (policy.name, rule) in MISSING_ANYWHERE:
            return False
        attachment = self._attachments.get(urn or "")
        if attachment is Attachment.OTHER:
            return _GATEWAY_TAG not in (policy.tags or ())
        return attachment is not Attachment.UNSEEN or policy.name not in MISSING_BEHIND_GATEWAY

    def _attachment(self, keys: Sequence[tuple[Name, Name]]) -> Attachment:
        seen = [self._classes[key] for key in keys if key in self._classes]
        if any(name is None or is_gke_class(name) for name in seen):
            return Attachment.GKE
        return Attachment.OTHER if seen and len(seen) == len(keys) else Attachment.UNSEEN
