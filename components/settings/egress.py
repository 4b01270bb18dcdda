"""Where the pods of one service may open connections to, beside what every pod of the namespace may."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.settings.base import Cidr, DnsLabel, Section
from components.settings.checks import refuse

Port = Annotated[int, Field(ge=1, le=65535)]


class EgressRule(Section):
    """A destination, such as a database: a range of addresses outside the cluster, or a namespace in it."""

    cidr: Cidr | None = None
    """Addresses outside the cluster, such as 10.60.0.5/32. Pods and Services of the cluster are never meant by it: network
    policies know those by their namespace."""
    namespace: DnsLabel | None = None
    """Or a namespace of this cluster, all of whose pods may be reached."""
    ports: tuple[Port, ...] = ()
    """Ports there, of the pods where it is a namespace; left out, every one."""
    protocol: Literal["TCP", "UDP"] = "TCP"
    """TCP or UDP."""

    @model_validator(mode="after")
    def _one_destination(self) -> Self:
        if self.cidr is None and self.namespace is None:
            refuse("cidr", None, "a rule needs a destination", "a range such as 10.60.0.5/32, or namespace")
        if self.cidr is not None and self.namespace is not None:
            refuse("namespace", self.namespace, "cidr is set as well: a rule has one destination", "a rule for each")
        if len(set(self.ports)) < len(self.ports):
            refuse("ports", ", ".join(map(str, self.ports)), "a port is listed twice", "each port once")
        return self

    @property
    def where(self) -> str:
        """The destination, for people."""
        return self.cidr or f"namespace {self.namespace}"


def check_bounded(rules: Sequence[EgressRule]) -> None:
    """The rules leave something closed: every port of every address is what `isolation.egress: open` says."""
    for protocol in ("TCP", "UDP"):
        ranges = [
            ipaddress.IPv4Network(rule.cidr)
            for rule in rules
            if rule.cidr is not None and not rule.ports and rule.protocol == protocol
        ]
        if ipaddress.IPv4Network("0.0.0.0/0") in set(ipaddress.collapse_addresses(ranges)):
            reason = f"with every {protocol} port of every address nothing is closed"
            everywhere = ", ".join(map(str, ranges))
            refuse("egress", everywhere, reason, "ports, or narrower ranges, or isolation.egress: open")
