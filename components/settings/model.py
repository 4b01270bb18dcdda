"""One model and its servers."""

from __future__ import annotations

import math
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from components.settings.base import DnsLabel, Section
from components.settings.checks import check_image, refuse
from components.settings.model_arguments import check_arguments
from components.settings.model_experimental import Lora, MultiHost, Prefill
from components.settings.model_lifecycle import ModelAutoscaling, ModelShutdown, Priority
from components.settings.model_resources import Resources
from components.settings.model_routing import Canary, EndpointPicker, HealthCheckNumbers
from components.settings.model_server import ServerFlags
from components.settings.model_weights import CompileCache, SharedVolume, Weights, check_hugging_face, check_uri
from rules import kserve, memory, node_room, vllm
from rules.product_images import VLLM_TPU
from rules.shutdown import Shutdown, shutdown


class Model(Section):
    """One model, served by vLLM on TPU through KServe."""

    name: Annotated[DnsLabel, Field(max_length=kserve.MAX_NAME_LENGTH)]
    """Name of the LLMInferenceService; part of the URL and of every object KServe makes for it."""
    uri: Annotated[str, AfterValidator(check_uri)]
    """Where the weights are: hf://, s3://, pvc:// or oci://. KServe does not load gs:// here."""
    served_name: Annotated[str, Field(pattern=r"^\S+$")]
    """The name clients put into `model`, the same in vLLM, the endpoint picker and /v1/models."""
    pool: DnsLabel
    """The TPU pool it runs on."""
    replicas: PositiveInt = 1
    """How many servers, one slice each. With fewer than four, an update of them needs one more slice in the pool."""
    image: Annotated[str, AfterValidator(check_image)] = VLLM_TPU
    """vLLM image for TPU, by tag or digest; never :latest."""
    max_model_length: PositiveInt = 8192
    """Context window in tokens: prompt and answer together."""
    server: ServerFlags = ServerFlags()
    """Flags of the server."""
    extra_args: tuple[str, ...] = ()
    """Further vLLM arguments, as on its command line, which no setting stands for."""
    resources: Resources = Resources()
    """What the pod of a server is promised of its node."""
    weights: Weights = Weights()
    """Where servers take the weights from when they start."""
    compile_cache: CompileCache = CompileCache()
    """Where compiled programs are kept."""
    startup_minutes: Annotated[int, Field(ge=15, le=240)] = 60
    """How long a server may take until it answers: loading weights and compiling for the TPU."""
    longest_request_seconds: Annotated[int, Field(ge=60, le=vllm.MAXIMUM_REQUEST_SECONDS)] | None = None
    """How long the load balancer waits for an answer, streaming included; GKE's own default of 30 s cuts most of them. Left
    out, as long as a whole context takes at 15 tokens a second, ten minutes at least."""
    shutdown: ModelShutdown = ModelShutdown()
    """What happens to requests of a server that is stopped."""
    autoscaling: ModelAutoscaling | None = None
    """By what and between which numbers servers are counted; instead of replicas."""
    priority: Priority | None = None
    """Which pods go first when nodes are short."""
    endpoint_picker: EndpointPicker | None = None
    """How a server is chosen for each request; left out, by KServe's own mixture of queue, KV cache and prefix."""
    health_check: HealthCheckNumbers = HealthCheckNumbers()
    """How the load balancer checks servers."""
    canary: Canary | None = None
    """A second version, which gets a share of the completions."""
    lora: Lora | None = None
    """LoRA adapters that are served beside the model."""
    multi_host: MultiHost | None = None
    """One server over several hosts; experimental."""
    prefill: Prefill | None = None
    """Separate servers for prompts; experimental."""
    allow_root: bool = True
    """The vLLM TPU images run as root; set this to false for an image that does not."""

    @model_validator(mode="after")
    def _arguments_are_known(self) -> Self:
        check_arguments(self.extra_args, self.image)
        if self.prefill is not None:
            check_arguments(self.prefill.extra_args, self.image, "prefill.extraArgs")
        if self.canary is not None:
            own = self.canary.extra_args
            where = "extraArgs" if own is None else "canary.extraArgs"
            check_arguments(self.extra_args if own is None else own, self.canary.image or self.image, where)
        return self

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        if self.autoscaling is not None and "replicas" in self.model_fields_set:
            reason = "the autoscaler counts the servers, and each update would set them back in the middle of load"
            refuse("replicas", self.replicas, reason, "autoscaling.minReplicas instead")
        if self.weights.cache == "persistentVolume":
            check_hugging_face(self.uri)
            if self.lora is not None:
                reason = "KServe loads adapters through its storage initializer, which this cache turns off"
                refuse("weights.cache", self.weights.cache, reason, "none or hyperdiskMl, or leave lora out")
        if self.canary is not None:
            self._check_canary(self.canary)
        if self.endpoint_picker is not None:
            self._check_picker(self.endpoint_picker)
        for name in ("canary", "autoscaling", "prefill", "endpoint_picker"):
            if self.multi_host is not None and getattr(self, name) is not None:
                what = type(self).model_fields[name].alias or name
                reason = "a server over several hosts is tried alone, on a pool that holds one slice"
                refuse(what, "set", reason, "it for a model without multiHost")
        return self

    def _check_picker(self, picker: EndpointPicker) -> None:
        if self.prefill is not None:
            reason = (
                "prefill servers need KServe's own configuration of the picker, which chooses two servers a request"
            )
            refuse("endpointPicker", "set", reason, "it for a model without prefill")
        if not self.server.enable_prefix_caching and picker.prefix_cache_weight > 0:
            reason = "the servers keep no prefixes (server.enablePrefixCaching: false), and requests would be sent after them"
            refuse(
                "endpointPicker.prefixCacheWeight",
                picker.prefix_cache_weight,
                reason,
                "0, or enablePrefixCaching: true",
            )

    def _check_canary(self, canary: Canary) -> None:
        if canary.name == self.name:
            refuse(
                "canary.name", canary.name, "the model itself has this name", "a name of its own, such as its version"
            )
        if self.weights.cache == "hyperdiskMl" and canary.uri is not None:
            reason = "the model's weights are read from its disk, whatever the address says"
            refuse("canary.uri", canary.uri, reason, "pvc://CLAIM/PATH for both of them and weights.cache: none")
        if self.weights.cache == "persistentVolume" and canary.uri is not None:
            check_hugging_face(canary.uri, "canary.uri")

    @property
    def service_names(self) -> tuple[str, ...]:
        """Names of the LLMInferenceServices: the model's own, and the canary's."""
        return (self.name,) if self.canary is None else (self.name, self.canary.name)

    @property
    def fewest_replicas(self) -> int:
        """Servers at the least, without the canary's."""
        return self.autoscaling.min_replicas if self.autoscaling else self.replicas

    @property
    def most_replicas(self) -> int:
        """Servers at the most, without the canary's."""
        return self.autoscaling.max_replicas if self.autoscaling else self.replicas

    @property
    def slices(self) -> int:
        """Slices that the model with its canary and prefill servers may take at once, apart from rolling updates."""
        return self.most_replicas + sum(part.replicas for part in (self.canary, self.prefill) if part)

    @property
    def request_seconds(self) -> int:
        """How long the load balancer waits for an answer."""
        return self.longest_request_seconds or vllm.longest_generation_seconds(self.max_model_length)

    @property
    def stopping(self) -> Shutdown:
        """How a server is stopped."""
        wanted = self.shutdown
        return shutdown(wanted.finish_seconds or self.request_seconds, wanted.drain_seconds)

    @property
    def disk_gib(self) -> int | None:
        """Space on the node's boot disk that a server asks for: as set, or for weights whose size is known; None for neither."""
        if self.resources.disk_gib is not None:
            return self.resources.disk_gib
        if self.weights.cache != "none" or not self.uri.startswith(kserve.STORAGE_INITIALIZER_SCHEMES):
            return None
        size = memory.weights_gib(self.uri)
        return None if size is None else math.ceil(size) + node_room.SCRATCH_GIB

    @property
    def block_size(self) -> int:
        """Tokens of a KV cache block, which the endpoint picker follows."""
        return self.server.block_size or vllm.default_block_size(self.max_model_length)

    @property
    def shared_volumes(self) -> dict[str, SharedVolume]:
        """The volumes that the servers share, by what they are for."""
        wanted = {
            "weights": self.weights.volume if self.weights.cache == "persistentVolume" else None,
            "compiled": self.compile_cache.volume if self.compile_cache.kind == "persistentVolume" else None,
        }
        return {purpose: volume for purpose, volume in wanted.items() if volume is not None}

    @property
    def makes_shared_volumes(self) -> bool:
        """Whether any of them is made here, as a Filestore instance."""
        return any(volume.claim is None for volume in self.shared_volumes.values())

    def claim(self, purpose: str) -> str:
        """Name of the claim for that purpose: an existing one, or the one that is made."""
        volume = self.shared_volumes.get(purpose)
        return (volume and volume.claim) or f"{self.name}-{purpose}"

    def second(self) -> Model:
        """The canary as a model of its own, without what only the first one has."""
        canary = self.canary
        if canary is None:
            raise ValueError(f"model {self.name} has no canary")
        own: dict[str, Any] = {"name": canary.name, "replicas": canary.replicas}
        for name in ("uri", "image", "server", "extra_args"):
            value = getattr(canary, name)
            if value is not None:
                own[name] = value
        if self.weights.cache == "hyperdiskMl":
            own |= {"uri": self.loaded_uri, "weights": Weights()}
        elif self.weights.cache == "persistentVolume":
            own["weights"] = Weights(cache="persistentVolume", volume=SharedVolume(claim=self.claim("weights")))
        if self.compile_cache.kind == "persistentVolume":
            volume = SharedVolume(claim=self.claim("compiled"))
            own["compile_cache"] = CompileCache(kind="persistentVolume", volume=volume)
        return self.model_copy(update={**own, "canary": None, "autoscaling": None, "prefill": None})

    @property
    def loaded_uri(self) -> str:
        """Where KServe finds the weights: the model's address, or the claim of its disk."""
        disk = self.weights.disk
        return self.uri if disk is None else f"pvc://{self.claim('disk')}/{disk.path or ''}".rstrip("/")
