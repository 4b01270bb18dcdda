"""Do servers with a command of their own speak what KServe's TLS switch says about them?

KServe's preset follows the switch by itself. A command or probes of one's own do not, and the Service, the endpoint picker and
the load balancer's health check then meet a server that speaks the other protocol. Where the stack neither installs KServe nor
writes its ConfigMap, the switch is somebody else's and nothing is said.
"""

from __future__ import annotations

from typing import Final

from pulumi_policy import Severity

from policies.framework import Report, stack_policy
from policies.pods import POD_KINDS, pod_templates, tls_switch
from policies.reading import Field
from policies.releases import RELEASE_KINDS, read_releases
from policies.resources import Resource
from policies.routing import KINDS
from policies.servers import PROBES
from rules.finding import Finding
from rules.kserve import INFERENCE_SERVICE_CONFIG_MAP, KSERVE_CHART, TLS_SWITCH
from rules.kserve_config import check_served_tls


def _check(resources: list[Resource], report: Report) -> None:
    ours = [r for r in resources if r.kind == "ConfigMap" and r.name == INFERENCE_SERVICE_CONFIG_MAP]
    if not ours and all(release.chart != KSERVE_CHART.name for release in read_releases(resources)):
        return
    for each in ours:
        ingress = each.at("data", "ingress")
        if ingress.unknown:
            report.undecided(ingress, "whether servers speak TLS", each)
            return
    switched_on = tls_switch(resources)
    for template in pod_templates(resources):
        if template.service is None or template.pod.path.endswith("worker"):
            continue
        own = template.service.resource.at(*template.pod.path.split("."))
        for container in own.at("containers").items():
            if template.server is None or container.at("name").value != template.server.at("name").value:
                continue
            _check_command(container, template.resource, switched_on, report)
            for name in PROBES:
                _check_probe(container.at(name, "httpGet"), template.resource, switched_on, report)


def _check_command(container: Field, resource: Resource, switched_on: bool, report: Report) -> None:
    command, arguments = container.at("command"), container.at("args")
    if command.missing:
        return  # the preset's, which follows the switch
    words = [*command.items(), *arguments.items()]
    hidden = next((word for word in words if word.of(str).unknown), None)
    if hidden is not None:
        report.undecided(hidden, "whether the server speaks TLS", resource)
        return
    line = [word.get(str) or "" for word in words]
    path = arguments.path if not arguments.missing else command.path
    report.findings(check_served_tls(line, switched_on=switched_on, path=path), resource)


def _check_probe(get: Field, resource: Resource, switched_on: bool, report: Report) -> None:
    if get.missing or get.unknown or get.at("scheme").unknown:
        return  # what cannot be judged of a probe is the probe policies' to say
    scheme, right = get.at("scheme").get(str) or "HTTP", "HTTPS" if switched_on else "HTTP"
    if scheme == right:
        return
    report.finding(
        Finding(
            path=f"{get.path}.scheme",
            value=get.at("scheme").value,
            reason=f"{TLS_SWITCH} is {'on' if switched_on else 'off'}, so servers speak {right}: the probe never succeeds and "
            "the pod is restarted for ever",
            remedy=f"Write {right}, or leave the probe to KServe's preset.",
            rule="backend-tls",
        ),
        resource,
    )


BACKEND_TLS: Final = stack_policy(
    name="backend-tls",
    title="Servers speak what KServe's TLS switch says",
    description="With a command or probes of its own, a server must be started and probed as enableLLMInferenceServiceTLS says.",
    remediation="Pass --ssl-certfile and --ssl-keyfile and probe by HTTPS where the switch is on, neither where it is off.",
    severity=Severity.HIGH,
    tags=["kserve", "security"],
    kinds=(*dict.fromkeys((*KINDS, *POD_KINDS, *RELEASE_KINDS, "ConfigMap")),),
    check=_check,
)
