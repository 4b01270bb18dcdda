"""The entry to all models: class, certificates, host names."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from components.settings.base import DnsLabel, Section
from components.settings.checks import check_gateway_class, refuse
from rules.gateway import REGIONAL_INTERNAL

GoogleName = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9_]{0,61}[a-z0-9])?$")]
"""Name of an object in Google Cloud, without project and location."""
Hostname = Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z][-a-z0-9]{0,61}[a-z0-9]$")]
"""A host name without port, such as models.example.com."""


class Tls(Section):
    """Where the Gateway's certificates come from; exactly one of the four, since a listener takes no mixture."""

    certificate_manager: tuple[GoogleName, ...] = ()
    """Names of regional Certificate Manager certificates, in the Gateway's project and region."""
    pre_shared_certificates: tuple[GoogleName, ...] = ()
    """Names of regional SSL certificates of Compute Engine instead."""
    secrets: tuple[DnsLabel, ...] = ()
    """Names of Kubernetes TLS Secrets in the Gateway's namespace instead. The program does not make them."""
    private_authority: bool = False
    """Let the cluster's own certificate authority issue one for the host names instead. Clients have to trust its root, so
    this is for internal Gateways and trials."""
    redirect_http: bool = True
    """Answer on port 80 too, with a redirect to https and nothing else; false leaves the port closed."""
    minimum_version: Literal["TLS_1_0", "TLS_1_1", "TLS_1_2"] = "TLS_1_2"
    """Oldest version of TLS that clients may speak; Google Cloud's own default is TLS 1.0."""
    ssl_policy: GoogleName | None = None
    """Name of a regional SSL policy of your own, instead of minimumVersion."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        sources = {
            "certificateManager": self.certificate_manager,
            "preSharedCertificates": self.pre_shared_certificates,
            "secrets": self.secrets,
            "privateAuthority": self.private_authority,
        }
        given = [name for name, value in sources.items() if value]
        if self.ssl_policy is not None and "minimum_version" in self.model_fields_set:
            reason = f"sslPolicy {self.ssl_policy} decides that"
            refuse("minimumVersion", self.minimum_version, reason, "one of the two")
        if not given:
            reason = "an HTTPS listener without a certificate is never programmed"
            refuse("certificateManager", None, reason, f"certificates under one of: {', '.join(sources)}")
        if len(given) > 1:
            reason = f"{given[0]} is set as well, and GKE takes a listener's certificates from one place (GWCER105)"
            refuse(given[1], sources[given[1]], reason, f"either {' or '.join(given)}")
        return self


class Gateway(Section):
    """The entry to all models."""

    name: DnsLabel = "inference-gateway"
    """Name of the Gateway object. In a VPC that stacks share, their alerts are told apart by it and the namespace."""
    class_name: Annotated[str, AfterValidator(check_gateway_class)] = "gke-l7-regional-external-managed"
    """GatewayClass: gke-l7-regional-external-managed (Internet) or gke-l7-rilb (inside the VPC)."""
    tls: Tls | None = None
    """Certificates; with them the Gateway speaks HTTPS on port 443."""
    allow_plain_http: bool = False
    """Serve plain HTTP on port 80 where there is no certificate. Prompts and answers then travel readable."""
    hostnames: tuple[Hostname, ...] = ()
    """Host names that are answered; without any, requests for every name and the bare address are."""
    global_access: bool = False
    """Let clients of other regions reach an internal Gateway."""

    @model_validator(mode="after")
    def _transport_is_chosen(self) -> Self:
        if self.tls is None and not self.allow_plain_http:
            remedy = "tls with the name of a certificate, or allowPlainHttp: true for a trial"
            refuse("tls", None, "without it prompts and answers travel readable over plain HTTP", remedy)
        if self.tls is not None and self.allow_plain_http:
            reason = "the Gateway has a certificate, and plain HTTP beside it would serve the same models readable"
            refuse("allowPlainHttp", True, reason, "false; tls.redirectHttp says what happens on port 80")
        if self.tls is not None and self.tls.private_authority and not self.hostnames:
            refuse(
                "hostnames", None, "the cluster's authority issues a certificate for names", "the Gateway's host names"
            )
        if self.global_access and self.class_name != REGIONAL_INTERNAL:
            reason = (
                f"{self.class_name} answers the whole internet already; only an internal Gateway is bound to a region"
            )
            refuse("globalAccess", True, reason, f"false, or className: {REGIONAL_INTERNAL}")
        return self

    @property
    def section(self) -> str:
        """Name of the listener that models are served on."""
        return "http" if self.tls is None else "https"
