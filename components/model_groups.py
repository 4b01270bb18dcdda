"""Servers that are several pods: one model over the hosts of a slice, and prompts read by servers of their own.

Owns the worker pods of a multi-host server with the preset that KServe does not ship, and the prefill share of a service. Both
are experimental: `components/settings/model_experimental.py` has the reasons. Does not own what one pod is (model_pod.py).
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pulumi

from components.manifests import manifest
from components.model_pod import PodArgs, confined, pod
from rules import kserve, vllm

RAY_PORT = 6379


def multi_host(args: PodArgs) -> dict[str, Any]:
    """The share of a service's spec that makes it a group of pods, the first of which serves.

    Each host computes a stage of the model (pipeline parallelism), over its own chips (tensor parallelism): the one division over
    hosts that passes vLLM's tests on TPU.
    """
    hosts, chips = args.layout.nodes, args.layout.tensor_parallel_size // args.layout.nodes
    leader, worker = pod(args), pod(args)
    own = replace(args.layout, tensor_parallel_size=chips)
    serve = [
        *leader["containers"][0]["command"],
        *pod(replace(args, layout=own))["containers"][0]["args"],
        f"--pipeline-parallel-size={hosts}",
        "--distributed-executor-backend=ray",
    ]
    _runs(leader, f"ray start --head --port={RAY_PORT} && exec {shlex.join(serve)}")
    _runs(worker, f"exec ray start --address=$LWS_LEADER_ADDRESS:{RAY_PORT} --block")
    container = worker["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle"):
        container.pop(probe, None)
    return {"parallelism": {"pipeline": hosts, "tensor": chips}, "template": leader, "worker": worker}


def prefill(args: PodArgs, sidecar: str) -> dict[str, Any]:
    """The share of a service's spec for prompts, and the servers that generate behind KServe's routing sidecar.

    The image of that is named, so that it can come from a mirror and policies see it; the rest of it is the preset's.
    """
    wanted = args.model.prefill
    if wanted is None:
        raise ValueError(f"model {args.model.name} has no prefill servers")
    reading = args.model.model_copy(update={"extra_args": (*args.model.extra_args, *wanted.extra_args)})
    generating = replace(args.server, port=kserve.DECODE_PORT)
    template = pod(replace(args, server=generating))
    beside = {"name": kserve.ROUTING_SIDECAR, "image": sidecar, "securityContext": confined(non_root=True)}
    template["initContainers"] = [beside, *template.get("initContainers", [])]
    return {
        "template": template,
        "prefill": {"replicas": wanted.replicas, "template": pod(replace(args, model=reading))},
    }


def multi_host_preset(namespace: str, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """What KServe looks up for a service with workers; no chart brings it, and the service would stay ConfigNotFound.

    It brings what the preset of other servers brings: directories that can be written to, shared memory, certificates.
    """
    mounts = {"home": "/home", "tmp-dir": "/tmp", kserve.SHARED_MEMORY_VOLUME: "/dev/shm", "model-cache": "/models"}  # noqa: S108
    container = {
        "name": kserve.SERVER_CONTAINER,
        "env": [{"name": "HOME", "value": "/home"}, {"name": vllm.HUGGING_FACE_CACHE_VARIABLE, "value": "/models"}],
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in mounts.items()],
    }
    volumes = [{"name": name, "emptyDir": {}} for name in mounts]
    template = {"containers": [container], "volumes": volumes}
    return manifest(
        kserve.PIPELINE_PRESET,
        api_version=kserve.API_VERSION,
        kind=kserve.LLM_INFERENCE_SERVICE_CONFIG,
        name=kserve.PIPELINE_PRESET,
        namespace=namespace,
        spec={"template": template, "worker": template},
        opts=opts,
    )


def _runs(template: dict[str, Any], script: str) -> None:
    container = template["containers"][0]
    container["command"], container["args"] = ["/bin/bash", "-c", script], []
    container.setdefault("env", []).append({"name": vllm.MULTI_HOST_VARIABLE, "value": "ray"})
