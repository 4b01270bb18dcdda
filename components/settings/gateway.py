"""The entry to all models."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from components.settings.base import DnsLabel, Section
from components.settings.checks import check_gateway_class, refuse


class Gateway(Section):
    """The entry to all models."""

    name: DnsLabel = "inference-gateway"
    """Name of the Gateway object."""
    class_name: Annotated[str, AfterValidator(check_gateway_class)] = "gke-l7-regional-external-managed"
    """GatewayClass: gke-l7-regional-external-managed (Internet) or gke-l7-rilb (inside the VPC)."""
    certificate: Annotated[str, Field(min_length=1)] | None = None
    """Name of a regional Certificate Manager certificate; with it the Gateway speaks HTTPS on port 443."""
    allow_plain_http: bool = False
    """Serve plain HTTP on port 80 where there is no certificate. Prompts and answers then travel readable."""

    @model_validator(mode="after")
    def _transport_is_chosen(self) -> Self:
        if self.certificate is None and not self.allow_plain_http:
            remedy = "the name of a regional Certificate Manager certificate, or set allowPlainHttp: true for a trial"
            refuse("certificate", None, "without it prompts and answers travel readable over plain HTTP", remedy)
        return self
