"""One model and its servers."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from components.settings.base import DnsLabel, Section
from components.settings.checks import check_derived_arguments, check_image, findings
from rules import kserve, vllm


class Model(Section):
    """One model, served by vLLM on TPU through KServe."""

    name: Annotated[DnsLabel, Field(max_length=kserve.MAX_NAME_LENGTH)]
    """Name of the LLMInferenceService; part of the URL and of every object KServe makes for it."""
    uri: Annotated[str, Field(pattern=r"^(hf|s3|pvc|oci)://.+")]
    """Where the weights are: hf://, s3://, pvc:// or oci://. KServe does not load gs:// here."""
    served_name: Annotated[str, Field(pattern=r"^\S+$")]
    """The name clients put into `model`, the same in vLLM, the endpoint picker and /v1/models."""
    pool: DnsLabel
    """The TPU pool it runs on."""
    replicas: PositiveInt = 1
    """How many servers, one slice each. With fewer than four, an update of them needs one more slice in the pool."""
    image: Annotated[str, AfterValidator(check_image)] = "vllm/vllm-tpu:v0.27.0"
    """vLLM image for TPU, by tag or digest; never :latest."""
    max_model_length: PositiveInt = 8192
    """Context window in tokens: prompt and answer together."""
    startup_minutes: Annotated[int, Field(ge=15, le=240)] = 60
    """How long a server may take until it answers: loading weights and compiling for the TPU."""
    longest_request_seconds: Annotated[int, Field(ge=60, le=86400)] = 600
    """How long the load balancer waits for an answer, streaming included; GKE's own default of 30 s cuts most of them."""
    extra_args: tuple[str, ...] = ()
    """Further vLLM arguments, as on its command line."""
    allow_root: bool = True
    """The vLLM TPU images run as root; set this to false for an image that does not."""

    @model_validator(mode="after")
    def _arguments_are_known(self) -> Self:
        findings(vllm.check_arguments(self.extra_args), "extraArgs")
        check_derived_arguments(self.extra_args)
        return self
