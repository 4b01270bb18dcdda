"""What all groups of settings share: immutable models with names as in Pulumi.<stack>.yaml, and common types."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from components.settings.checks import check_cidr

DnsLabel = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", max_length=40)]
"""A name as Compute Engine and Kubernetes both take it (RFC 1035), short enough for the suffixes that are added."""

Cidr = Annotated[str, AfterValidator(check_cidr)]


class Section(BaseModel):
    """A group of settings: immutable, names in camelCase as in Pulumi.<stack>.yaml, unknown names refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True)
