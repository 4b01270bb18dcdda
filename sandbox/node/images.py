"""Which container images really run, and how.

Owns: the table from image names to programs. Does not own supervision (`process`) nor cert-manager's behaviour
(`sandbox.certificates`). Everything that is not in the table is simulated: reported as running, doing nothing.
Images are matched by the end of their repository, so that a mirror (`REGISTRY/kserve/llmisvc-controller`) fits too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rules.workload_metrics import ADAPTER_IMAGE
from sandbox.certificates.workloads import CaInjectorWorkload, IssuerWorkload, StartupCheckWorkload, WebhookWorkload
from sandbox.cluster.files import write_private
from sandbox.cluster.proc import free_ports
from sandbox.node import environment
from sandbox.node.credentials import write_kubeconfig
from sandbox.node.launch import Launch
from sandbox.node.process import process_recipe
from sandbox.node.recipe import Context, Recipe

Object = dict[str, Any]

_WEBHOOK_PORT = 9443
_METRICS_PORT = 8443
_HEALTH_PORT = 8081
"""Defaults of controller-runtime managers, which the charts of KServe and LWS keep."""


def llmisvc_launch(context: Context) -> Launch:
    """KServe's controller: own ports, no leader election (its lock needs an in-cluster namespace)."""
    context.mount()
    webhook, health = free_ports(2)
    values = context.environment()
    command = [
        str(context.tools.llmisvc),
        *environment.arguments(context.container, values),
        f"-kubeconfig={write_kubeconfig(context.client, context.pod, context.kubeconfig, context.directory)}",
        "-leader-elect=false",
        "-metrics-addr=0",
        f"-webhook-port={webhook}",
        f"-health-probe-addr=127.0.0.1:{health}",
    ]
    return Launch(
        command=command,
        environment=values,
        ports={_WEBHOOK_PORT: webhook, _HEALTH_PORT: health},
        ready_port=health,
    )


def lws_launch(context: Context) -> Launch:
    """LWS's manager: its configuration file with own ports and certificate directory; flags override the rest."""
    context.mount()
    webhook, health = free_ports(2)
    values = context.environment()
    arguments = [
        argument for argument in environment.arguments(context.container, values) if not argument.startswith("--config")
    ]
    certificates = context.rootfs / "tmp" / "k8s-webhook-server" / "serving-certs"
    certificates.mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = _lws_configuration(context.rootfs / "controller_manager_config.yaml")
    configuration["webhook"] = {"port": webhook, "host": "127.0.0.1", "certDir": str(certificates)}
    configuration_file = context.directory / "lws.yaml"
    write_private(configuration_file, yaml.safe_dump(configuration))
    command = [
        str(context.tools.lws),
        *arguments,
        f"--config={configuration_file}",
        f"--kubeconfig={write_kubeconfig(context.client, context.pod, context.kubeconfig, context.directory)}",
        "--leader-elect=false",
        "--metrics-bind-address=0",
        f"--health-probe-bind-address=127.0.0.1:{health}",
    ]
    return Launch(
        command=command,
        environment=values,
        ports={_WEBHOOK_PORT: webhook, _HEALTH_PORT: health},
        ready_port=health,
    )


def _lws_configuration(mounted: Path) -> Object:
    loaded: object = yaml.safe_load(mounted.read_text()) if mounted.is_file() else None
    found: Object = {str(key): value for key, value in loaded.items()} if isinstance(loaded, dict) else {}
    return {"apiVersion": "config.lws.x-k8s.io/v1alpha1", "kind": "Configuration", **found}


def _cert_manager_arguments(context: Context) -> list[str]:
    values = environment.resolve(
        context.client, context.pod, context.container, pod_ip=context.pod_ip, host_ip=context.host_ip
    )
    return environment.arguments(context.container, values)


_CONTROLLERS: Mapping[str, Recipe] = {
    "llmisvc-controller": process_recipe(llmisvc_launch),
    "lws/lws": process_recipe(lws_launch),
    "cert-manager-controller": lambda c: IssuerWorkload(
        c.client, _cert_manager_arguments(c), log=c.log, on_change=c.on_change
    ),
    "cert-manager-cainjector": lambda c: CaInjectorWorkload(c.client, log=c.log, on_change=c.on_change),
    "cert-manager-webhook": lambda c: WebhookWorkload(
        c.client, _cert_manager_arguments(c), c.container, log=c.log, on_change=c.on_change
    ),
    "cert-manager-startupapicheck": lambda c: StartupCheckWorkload(
        c.client, c.pod["metadata"]["namespace"], on_change=c.on_change
    ),
}


def repository(image: str) -> str:
    """`image` without tag and digest: `REGISTRY:PORT/a/b:TAG@sha256:…` is `REGISTRY:PORT/a/b`."""
    name = image.partition("@")[0]
    head, _, tail = name.rpartition("/")
    return f"{head}/{tail.partition(':')[0]}".lstrip("/")


@cache
def _recipes() -> Mapping[str, Recipe]:
    from sandbox.metrics.adapter import AdapterWorkload  # noqa: PLC0415 - they build on this package
    from sandbox.serving.recipes import RECIPES  # noqa: PLC0415 - as above

    return {**_CONTROLLERS, ADAPTER_IMAGE: AdapterWorkload, **RECIPES}


def recipe_for(image: str) -> Recipe | None:
    """How to run `image`, None when it is only simulated."""
    name = repository(image)
    for suffix, recipe in _recipes().items():
        if re.search(rf"(^|/){re.escape(suffix)}$", name):
            return recipe
    return None
