"""The pods of an HttpInferenceService.

Owns the Deployment's spec: probes from the declared endpoints, a restricted security context, an end that waits for the load
balancer, and pods that are spread over nodes and zones.
"""

from __future__ import annotations

from typing import Any

from components.http_service.arguments import PORT_NAME, HttpInferenceServiceArgs, Volume
from rules import autoscaling, probes, volumes

_MODELS = "models"


def deployment(name: str, args: HttpInferenceServiceArgs, selected: dict[str, str]) -> dict[str, Any]:
    """`spec` of the Deployment; an autoscaler owns the number of pods where there is one."""
    spec: dict[str, Any] = {
        "selector": {"matchLabels": selected},
        "strategy": strategy(args),
        # The kubelet pulls and loads for as long as the startup probe lets it, and only then has an update failed.
        "progressDeadlineSeconds": max(probes.NEG_READINESS_TIMEOUT_SECONDS, args.startup.budget) + 300,
        "template": {"metadata": {"labels": selected}, "spec": pod(name, args, selected)},
    }
    return spec if args.scaling else {"replicas": args.replicas, **spec}


def strategy(args: HttpInferenceServiceArgs) -> dict[str, Any]:
    """One more pod at a time and none fewer; for a disk that one node alone holds, the old pod ends first."""
    if args.volume and args.volume.access_mode in volumes.SINGLE_NODE_MODES:
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def pod(name: str, args: HttpInferenceServiceArgs, selected: dict[str, str]) -> dict[str, Any]:
    """The pod."""
    spec: dict[str, Any] = {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": args.user_id,
            "runAsGroup": args.user_id,
            "fsGroup": args.user_id,
            # Without it the kubelet changes the owner of every file on the disk before each start.
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": args.grace_seconds,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selected},
            }
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
        "containers": [container(name, args)],
    }
    if args.pull_secrets:
        spec["imagePullSecrets"] = [{"name": secret} for secret in args.pull_secrets]
    if args.load_balancer_readiness:
        spec["readinessGates"] = [{"conditionType": probes.NEG_READINESS_GATE}]
    if args.volume:
        spec["volumes"] = [{"name": _MODELS, "persistentVolumeClaim": {"claimName": name}}]
    return spec


def container(name: str, args: HttpInferenceServiceArgs) -> dict[str, Any]:
    """The server."""
    endpoints = args.endpoints
    spec: dict[str, Any] = {
        "name": name,
        "image": args.image,
        "ports": [{"name": PORT_NAME, "containerPort": endpoints.port, "protocol": "TCP"}],
        "resources": {"requests": dict(args.requests), "limits": dict(args.limits)},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "startupProbe": endpoints.probe(endpoints.startup, args.startup),
        "readinessProbe": endpoints.probe(endpoints.readiness, args.readiness),
        "livenessProbe": endpoints.probe(endpoints.liveness, args.liveness),
        "lifecycle": {"preStop": {"sleep": {"seconds": autoscaling.PRE_STOP_SECONDS}}},
    }
    if args.command:
        spec["command"] = list(args.command)
    if args.args:
        spec["args"] = list(args.args)
    if env := environment(args):
        spec["env"] = env
    if args.volume:
        spec["volumeMounts"] = [{"name": _MODELS, "mountPath": args.volume.mount_path}]
    return spec


def environment(args: HttpInferenceServiceArgs) -> list[dict[str, Any]]:
    """The environment, in a fixed order so that nothing is rolled out for another one."""
    plain: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in sorted(args.environment.items())]
    return plain + [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for name, (secret, key) in sorted(args.secret_environment.items())
    ]


def claim(volume: Volume, made_class: str) -> dict[str, Any]:
    """`spec` of the PersistentVolumeClaim; `made_class` is the name of the storage class that may be made for it."""
    return {
        "accessModes": [volume.access_mode],
        "storageClassName": volume.storage_class or (made_class if volume.made_class else volumes.DEFAULT_CLASS),
        "resources": {"requests": {"storage": volume.size}},
    }
