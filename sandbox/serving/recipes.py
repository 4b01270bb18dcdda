"""Which images of model servers, pickers and HTTP services run as stand-ins, and with what.

Owns the table from image names to the programs of this package, their ports and their environment. Does not own supervision
(`sandbox.node.process`) nor the controllers' recipes (`sandbox.node.images`). Images are matched by the end of their
repository. Only TPU images of vLLM are here: a CUDA image on a TPU node does not run on GKE either.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rules import endpoint_picker_flags, http_servers, tpu, vllm
from sandbox.clock import SPEED as CLOCK_SPEED
from sandbox.cluster.proc import free_ports
from sandbox.home import CHECKOUT
from sandbox.node import environment
from sandbox.node.credentials import write_kubeconfig
from sandbox.node.images import repository
from sandbox.node.launch import Launch
from sandbox.node.process import process_recipe
from sandbox.node.recipe import Context, Recipe
from sandbox.serving import boot
from sandbox.serving.http_service import options as http_options
from sandbox.serving.picker import flags
from sandbox.serving.vllm import arguments, command

Object = dict[str, Any]

_PASSED_ON: Final = (CLOCK_SPEED, "SANDBOX_VLLM_", "SANDBOX_HTTP_")
"""Variables of the sandbox that stand-ins read, by their beginning; a container may set its own."""


def vllm_launch(context: Context) -> Launch:
    """The server with the container's own command; nothing listens where the command line is refused."""
    context.mount()
    values, words = _environment(context), _words(context)
    chips, accelerator = _chips(context.container, values), _accelerator(context.pod)
    options = ["--root", str(context.rootfs), "--chips", str(chips)]
    options += ["--accelerator", accelerator] if accelerator else []
    booted = _booted(context)
    options += [boot.OPTION, str(booted)]
    ports: dict[int, int] = {}
    try:
        found = command.find(words, values)
        port = arguments.parse(found.program, found.arguments, chips=chips, accelerator=accelerator).port
    except (command.CommandError, arguments.ArgumentError):
        pass  # the process itself says so in its log, and ends with the right exit code
    else:
        (local,) = free_ports(1)
        ports[port] = local
        options += ["--listen", str(local)]
    return Launch(command=_program("vllm", options, words), environment=values, ports=ports, booted=booted)


def picker_launch(context: Context) -> Launch:
    """The endpoint picker, with the rights of its service account."""
    context.mount()
    values = _environment(context)
    words = [word for word in _words(context) if not word.endswith("/epp")]
    local = free_ports(3)
    namespace = context.pod["metadata"]["namespace"]
    wanted = [endpoint_picker_flags.GRPC_PORT, endpoint_picker_flags.HEALTH_PORT, endpoint_picker_flags.METRICS_PORT]
    try:
        parsed = flags.parse(words, namespace=namespace, root=context.rootfs)
        wanted = [parsed.grpc_port, parsed.health_port, parsed.metrics_port]
    except flags.FlagError:
        pass  # as above
    options = ["--listen", str(local[0]), "--listen-health", str(local[1]), "--listen-metrics", str(local[2])]
    options += ["--root", str(context.rootfs), "--namespace", namespace]
    kubeconfig = write_kubeconfig(context.client, context.pod, context.kubeconfig, context.directory)
    booted = _booted(context)
    options += ["--kubeconfig", str(kubeconfig), boot.OPTION, str(booted)]
    ports = dict(zip(wanted, local, strict=True))
    return Launch(command=_program("picker", options, words), environment=values, ports=ports, booted=booted)


def http_launch(context: Context) -> Launch:
    """An HTTP service with the paths of its image, or those its container declares."""
    context.mount()
    values, words = _environment(context), _words(context)
    image = repository(context.container.get("image", ""))
    (local,) = free_ports(1)
    booted = _booted(context)
    options = ["--image", image, "--listen", str(local), boot.OPTION, str(booted)]
    try:
        ports = {http_options.parse(image, words, values).server.port: local}
    except http_options.OptionError:
        ports = {}
    return Launch(command=_program("http_service", options, words), environment=values, ports=ports, booted=booted)


def _booted(context: Context) -> Path:
    return context.directory / f"{context.container['name']}.booted"


def _program(module: str, options: list[str], words: list[str]) -> list[str]:
    return [sys.executable, "-m", f"sandbox.serving.{module}", *options, "--", *words]


def _environment(context: Context) -> dict[str, str]:
    """The container's variables, and what Python needs to find this program; the container's never reach the interpreter."""
    own = {name: value for name, value in context.environment().items() if not name.startswith("PYTHON")}
    passed = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    hostname = {"HOSTNAME": str(context.pod["metadata"]["name"])}  # as a container runtime sets it
    return {**passed, **hostname, **own, "PYTHONPATH": str(CHECKOUT)}


def _words(context: Context) -> list[str]:
    """Command and args with `$(NAME)` replaced."""
    values = environment.resolve(
        context.client, context.pod, context.container, pod_ip=context.pod_ip, host_ip=context.host_ip
    )
    given = [*(context.container.get("command") or []), *(context.container.get("args") or [])]
    return [environment.expand(word, values) for word in given]


def _chips(container: Object, values: Mapping[str, str]) -> int:
    """Chips that vLLM finds: those of the container, and of all pods of its group where Ray joins them."""
    limits: Object = container.get("resources", {}).get("limits", {})
    text = str(limits.get(tpu.TPU_RESOURCE, "0"))
    group = values.get("LWS_GROUP_SIZE", "1") if values.get(vllm.MULTI_HOST_VARIABLE) == "ray" else "1"
    return int(text) * int(group) if text.isdecimal() and group.isdecimal() else 0


def _accelerator(pod: Object) -> str | None:
    return (pod["spec"].get("nodeSelector") or {}).get(tpu.TPU_ACCELERATOR_LABEL)


RECIPES: Final[Mapping[str, Recipe]] = {
    "vllm-tpu": process_recipe(vllm_launch),
    "llm-d-router-endpoint-picker": process_recipe(picker_launch),
    "llm-d-inference-scheduler": process_recipe(picker_launch),
    **{name: process_recipe(http_launch) for name in http_servers.SERVERS},
}
"""By the end of an image's repository."""
