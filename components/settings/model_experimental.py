"""What KServe offers and vLLM on TPU does not do reliably yet, or only passes on: to be turned on in so many words."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from components.settings.base import Section
from components.settings.checks import refuse
from components.settings.model_weights import check_uri

MULTI_HOST_REASON: Final = (
    "a server over several hosts runs on Ray, where vLLM on TPU has pipeline parallelism alone that passes its tests, hangs are "
    "reported (vllm#20515), and KServe 0.20 ships no preset for it"
)
PREFILL_REASON: Final = (
    "separate prefill and decode servers need a KV connector that is not released for v6e, and KServe's routing sidecar is "
    "not tested with vLLM on TPU"
)


class MultiHost(Section):
    """One server over all hosts of a multi-host slice, as a group of pods (LeaderWorkerSet)."""

    experimental: bool = False
    """Say true to accept what is known against it."""

    @model_validator(mode="after")
    def _is_accepted(self) -> Self:
        if not self.experimental:
            refuse(
                "experimental",
                False,
                MULTI_HOST_REASON,
                "experimental: true if you try it anyway, or leave multiHost out",
            )
        return self


class Prefill(Section):
    """Servers that only read prompts and hand their KV cache to the model's others, which then generate."""

    experimental: bool = False
    """Say true to accept what is known against it."""
    replicas: PositiveInt = 1
    """How many, one slice of the model's pool each."""
    extra_args: tuple[str, ...] = ()
    """Further vLLM arguments of these servers, such as the KV connector's configuration."""

    @model_validator(mode="after")
    def _is_accepted(self) -> Self:
        if not self.experimental:
            refuse(
                "experimental", False, PREFILL_REASON, "experimental: true if you try it anyway, or leave prefill out"
            )
        return self


def check_adapter_uri(value: str) -> str:
    """A place that KServe loads an adapter from."""
    check_uri(value)
    if value.startswith("oci://"):
        reason = "KServe mounts one model image a pod, which is the base model's"
        refuse("", value, reason, "hf://, s3:// or pvc://")
    return value


class Adapter(Section):
    """A LoRA adapter."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """The name clients put into `model`."""
    uri: Annotated[str, AfterValidator(check_adapter_uri)]
    """Where it is: hf://, s3:// or pvc://."""


class Lora(Section):
    """LoRA adapters that are served beside the model."""

    adapters: Annotated[tuple[Adapter, ...], Field(min_length=1)]
    """The adapters."""
    max_rank: PositiveInt | None = None
    """Largest rank among them; vLLM's own is 16."""
    max_adapters: PositiveInt | None = None
    """How many may be used in one batch; vLLM's own is 1."""
    max_cpu_adapters: PositiveInt | None = None
    """How many are kept in the host's memory."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [adapter.name for adapter in self.adapters]
        for index, name in enumerate(names):
            if name in names[:index]:
                refuse(f"adapters[{index}].name", name, "another adapter has this name", "a name of its own")
        return self
