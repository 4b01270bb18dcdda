"""How the namespace of the Gateway and the models is closed off from the rest of the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from components.settings.base import DnsLabel, Section
from components.settings.checks import refuse

Cpu = Annotated[str, Field(pattern=r"^[1-9][0-9]*m?$")]
"""CPU as Kubernetes writes it: 4 or 500m."""
Memory = Annotated[str, Field(pattern=r"^[1-9][0-9]*(Mi|Gi|Ti)$")]
"""Memory as Kubernetes writes it: 512Mi or 16Gi."""


class Quota(Section):
    """Upper bounds on what all pods of the namespace may ask for together."""

    tpu_chips: PositiveInt | None = None
    """TPU chips; room for every replica of every model at least, and one slice more where updates shall overlap."""
    pods: PositiveInt | None = None
    """Pods that are not finished."""
    cpu: Cpu | None = None
    """Sum of CPU requests; needs containerDefaults, because a pod that asks for none is then refused."""
    memory: Memory | None = None
    """Sum of memory requests; needs containerDefaults as well."""


class ContainerDefaults(Section):
    """What a container of the namespace asks for when it says nothing itself."""

    cpu: Cpu = "250m"
    """CPU request."""
    memory: Memory = "512Mi"
    """Memory request."""


class Isolation(Section):
    """How the namespace of the Gateway and the models is closed off from the rest of the cluster."""

    pod_security: Literal["baseline", "restricted"] = "baseline"
    """Pod Security Standard that pods must meet; restricted needs images that do not run as root. Warnings and audit entries
    always follow restricted."""
    network_policies: bool = True
    """Let only the load balancer, monitoring and the namespace's own pods reach its pods; false lets in every pod of the
    cluster."""
    egress: Literal["restricted", "open"] = "restricted"
    """What pods may reach: names, HTTPS (model hubs, Google APIs, the API server), their own node's credentials, each other
    and what services name under egress (restricted), or everything (open)."""
    clients: tuple[DnsLabel, ...] = ()
    """Other namespaces of the cluster whose pods may call the servers without passing the Gateway."""
    quota: Quota | None = None
    """Upper bounds on what the namespace may use."""
    container_defaults: ContainerDefaults | None = None
    """Requests of containers that name none."""

    @model_validator(mode="after")
    def _choices_fit_together(self) -> Self:
        counted = [name for name in ("cpu", "memory") if self.quota and getattr(self.quota, name) is not None]
        if counted and self.container_defaults is None:
            reason = f"with a quota on {' and '.join(counted)} every pod whose containers name no request is refused"
            refuse("containerDefaults", None, reason, "containerDefaults, such as {cpu: 250m, memory: 512Mi}")
        if self.egress == "restricted" and "egress" in self.model_fields_set and not self.network_policies:
            reason = "only network policies can restrict it, and they are off"
            refuse("egress", self.egress, reason, "networkPolicies: true, or egress: open")
        if self.clients and not self.network_policies:
            reason = "without network policies every namespace may call the servers already"
            refuse("clients", ", ".join(self.clients), reason, "networkPolicies: true, or leave clients out")
        return self


def check_isolation(isolation: Isolation, *, as_root: Sequence[str], chips: int) -> None:
    """The namespace takes what shall run in it.

    Args:
        isolation: Its settings.
        as_root: Settings of what runs as root, such as `models[0]`.
        chips: TPU chips that all replicas of all models need.
    """
    if isolation.pod_security == "restricted" and as_root:
        reason = f"{as_root[0]} runs as root (allowRoot), and no pod of it would ever start"
        refuse("isolation.podSecurity", "restricted", reason, "baseline, or allowRoot: false with an image for it")
    bound = isolation.quota.tpu_chips if isolation.quota else None
    if bound is not None and bound < chips:
        refuse("isolation.quota.tpuChips", bound, f"the models' replicas need {chips} chips", f"{chips} or more")
