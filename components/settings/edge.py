"""What protects the models at the edge, before a request reaches a server."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from components.settings.base import Cidr, Section
from components.settings.checks import refuse
from components.settings.gateway import GoogleName
from components.settings.secrets import ManagedSecret
from rules import callers, edge
from rules.access import PUBLIC_MEMBERS


class CloudArmor(Section):
    """A regional Cloud Armor policy, made for this stack and attached to every backend."""

    allowed_cidrs: tuple[Cidr, ...] = ()
    """Ranges that clients may come from, all others get 403. Left out, everybody may come, at the pace of requestsPerMinute; the
    policy public-anonymous refuses that on the internet where nothing else, such as iap, decides who may call."""
    requests_per_minute: PositiveInt | None = None
    """Requests that one client address may send a minute; further ones get 429."""

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not self.allowed_cidrs and self.requests_per_minute is None:
            reason = "a policy without a rule lets everything pass"
            refuse("allowedCidrs", None, reason, "ranges, or requestsPerMinute")
        if "allowed_cidrs" in self.model_fields_set and not self.allowed_cidrs:
            reason = "a list without ranges keeps nobody out: everybody may call the models"
            refuse("allowedCidrs", [], reason, "your clients' ranges, or no such line if everybody may come")
        if callers.is_everybody(self.allowed_cidrs):
            reason = "these ranges are the whole internet, so the list keeps nobody out"
            refuse("allowedCidrs", ", ".join(self.allowed_cidrs), reason, "your clients' ranges only")
        return self


def check_iap_member(value: str) -> str:
    """Somebody whom IAP can ask to sign in, or an identity that calls; never everybody."""
    if value in PUBLIC_MEMBERS:
        refuse("", value, "with it everybody passes, as without IAP", "members by name, or leave iap out")
    if edge.IAP_MEMBER.fullmatch(value) is None:
        reason = "this is no member that IAP lets through"
        refuse("", value, reason, "group:…, user:…, serviceAccount:…, domain:… or principalSet://iam.googleapis.com/…")
    return value


class Iap(Section):
    """Identity-Aware Proxy: only signed-in members pass, to the Gateway's host names."""

    client_id: Annotated[str, Field(pattern=edge.IAP_CLIENT_ID)]
    """Id of your OAuth client: NUMBER-NAME.apps.googleusercontent.com. GKE takes no Google-managed client here."""
    client_secret: ManagedSecret
    """Where in Secret Manager that client's secret is; GKE writes it to a Kubernetes Secret beside the models."""
    members: Annotated[tuple[Annotated[str, AfterValidator(check_iap_member)], ...], Field(min_length=1)]
    """Who may pass: group:EMAIL, user:EMAIL, serviceAccount:EMAIL, domain:NAME or principalSet://iam.googleapis.com/…."""

    @model_validator(mode="after")
    def _members_differ(self) -> Self:
        if len({member.lower() for member in self.members}) < len(self.members):
            refuse("members", ", ".join(self.members), "a member is listed twice", "each member once")
        return self


class ModelArmor(Section):
    """Model Armor: prompts and answers are judged by a template before they pass."""

    template: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,63}$")]
    """Name of a Model Armor template in the Gateway's project and region."""
    timeout_milliseconds: Annotated[int, Field(ge=10, le=10000)] = 1000
    """How long a request waits for the judgement."""
    fail_open: bool = False
    """Let requests pass unjudged while Model Armor is slow or away."""


class Edge(Section):
    """What protects the models at the edge; everything is off by default."""

    security_policy: GoogleName | None = None
    """Name of a regional Cloud Armor policy of your own."""
    cloud_armor: CloudArmor | None = None
    """Or a Cloud Armor policy that is made here: an allow list, a rate limit, or both."""
    iap: Iap | None = None
    """Identity-Aware Proxy in front of every model; needs gateway.tls and gateway.hostnames."""
    model_armor: ModelArmor | None = None
    """Model Armor on the completion endpoints of every model."""

    @property
    def used(self) -> bool:
        """Whether anything protects the models."""
        return any(getattr(self, name) is not None for name in type(self).model_fields)

    @model_validator(mode="after")
    def _one_security_policy(self) -> Self:
        if self.security_policy is not None and self.cloud_armor is not None:
            reason = "cloudArmor makes a policy as well, and a backend has one"
            refuse("securityPolicy", self.security_policy, reason, "one of the two")
        return self
