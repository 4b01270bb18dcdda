"""vLLM arguments that are written by hand: none that a setting stands for, that vLLM refuses, or that hands over a secret.

Owns which setting stands for which flag. Does not own which flags there are (`rules/vllm_flags.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from components.settings.checks import findings, refuse
from rules import access, vllm, vllm_flags

DERIVED_ARGUMENTS: Final[Mapping[str, str]] = {
    "--port": "nothing here: KServe fixes the port",
    "--host": "nothing here: servers listen on every address of their pod",
    "--served-model-name": "it as servedName",
    "--max-model-len": "it as maxModelLength",
    "--tensor-parallel-size": "the topology of a pool with as many chips",
    "--ssl-certfile": "kserve.backendTls: true, which switches everything that calls the server too",
    "--ssl-keyfile": "kserve.backendTls: true, which switches everything that calls the server too",
    "--enable-ssl-refresh": "kserve.backendTls: true, which switches everything that calls the server too",
}
"""vLLM arguments that the platform sets itself, and where the value belongs instead."""
_DERIVED: Final = "probes, health checks, routes and node pools are made for the value that the platform sets"

TYPED_FLAGS: Final[Mapping[str, str]] = {
    "--data-parallel-size": "server.tensorParallelSize, from which it follows",
    "--dtype": "it as server.dtype",
    "--quantization": "it as server.quantization",
    "--kv-cache-dtype": "it as server.kvCacheDtype",
    "--gpu-memory-utilization": "it as server.gpuMemoryUtilization",
    "--max-num-seqs": "it as server.maxNumSeqs",
    "--max-num-batched-tokens": "it as server.maxNumBatchedTokens",
    "--enable-prefix-caching": "it as server.enablePrefixCaching",
    "--no-enable-prefix-caching": "server.enablePrefixCaching: false",
    "--block-size": "it as server.blockSize",
    "--tool-call-parser": "it as server.toolCallParser",
    "--enable-auto-tool-choice": "server.toolCallParser, which turns it on",
    "--reasoning-parser": "it as server.reasoningParser",
    "--chat-template": "it as server.chatTemplate",
    "--trust-remote-code": "server.trustRemoteCode: true",
    "--shutdown-timeout": "shutdown.finishSeconds, from which it follows",
    "--lora-modules": "lora.adapters",
    "--enable-lora": "lora.adapters",
    "--revision": "it behind the model in uri: hf://ORGANIZATION/MODEL:REVISION",
    "--download-dir": "weights.cache",
}
"""Flags that have a setting, and which."""
_TYPED: Final = "it has a setting, which probes, routing and the policies read as well"

_SECRETS: Final[Mapping[str, str]] = {
    "--hf-token": "its name in Secret Manager under secrets.huggingFaceToken",
    "--api-key": "who may call the models under edge.iap or edge.cloudArmor.allowedCidrs",
}
"""Where what a flag with a secret is for belongs instead."""


def check_arguments(arguments: Sequence[str], image: str, field: str = "extraArgs") -> None:
    """Arguments with which vLLM in that image starts, and which no setting stands for."""
    check_no_secret(arguments, field)
    findings(vllm.check_arguments(arguments), field)
    _check_settings(arguments, field, DERIVED_ARGUMENTS, _DERIVED)
    _check_settings(arguments, field, TYPED_FLAGS, _TYPED)
    for finding in vllm_flags.check_known(arguments, image):
        near = vllm_flags.meant(str(finding.value)) or ""
        if instead := DERIVED_ARGUMENTS.get(near) or TYPED_FLAGS.get(near):
            refuse(field, finding.value, f"{finding.reason}. Did you mean {near}? It has a setting", instead)
        findings([finding], field)


def check_no_secret(arguments: Sequence[str], field: str = "extraArgs") -> None:
    """No argument that hands a secret over: settings are in version control. The error does not repeat it."""
    for index, argument in enumerate(arguments):
        following = next(iter(arguments[index + 1 :]), None)
        written = argument.partition("=")[0]
        plain = f"{written.replace('_', '-')}{argument[len(written) :]}"
        if access.check_flag(plain, following, field):
            name = plain.partition("=")[0]
            reason = "whoever may read pods, these settings or the stack's state reads the secret; take it as known by others"
            refuse(field, f"{name}=(hidden)", reason, _SECRETS.get(name, "nothing here: put it into Secret Manager"))


def _check_settings(arguments: Iterable[str], field: str, instead_of: Mapping[str, str], reason: str) -> None:
    """No argument that a setting stands for, whatever its spelling: the last one on the command line would win."""
    for argument in arguments:
        written = argument.partition("=")[0].partition(" ")[0]
        name = vllm_flags.long_name(written) or written
        if instead := instead_of.get(name):
            refuse(field, argument, reason, instead)
