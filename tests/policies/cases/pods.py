"""Pods: Pod Security Standards, secrets in their declarations, the network they may reach."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import (
    cluster,
    deployment,
    llm,
    llm_config,
    server,
    web,
)


def namespace(name: Any = "models") -> Made:
    """A Namespace."""
    return Made(
        "kubernetes:core/v1:Namespace", "ns", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    )


def denied(where: Any = "models") -> Made:
    """A NetworkPolicy."""
    return kubernetes("networking.k8s.io/v1", "NetworkPolicy", "deny", where, spec={"podSelector": {}})


def context(**fields: Any) -> Made:
    """A Deployment whose container's security context is changed."""
    return deployment(web(**{f"securityContext__{name}": value for name, value in fields.items()}))


def pod(**fields: Any) -> Made:
    """A Deployment with fields on its pods."""
    return deployment(**fields)


CASES: Final[Cases] = {
    "pod-security-baseline": [
        fail("privileged", "TPUs need no privileged mode", context(privileged=True)),
        fail(
            "privileged",
            "spec.template.containers[0]",
            llm(None, template={"containers": [server(securityContext={"privileged": True})]}),
        ),
        fail("host-namespaces host-namespaces", "hostNetwork is true", pod(hostNetwork=True, hostPID=True)),
        fail("host-path", "volumes[0].hostPath", pod(volumes=[{"name": "a", "hostPath": {"path": "/"}}])),
        fail("capabilities", "SYS_ADMIN", context(capabilities__add=["SYS_ADMIN"])),
        fail("host-ports", "hostPort is 80", deployment(web(ports=[{"containerPort": 80, "hostPort": 80}]))),
        fail("host-probes", "readinessProbe.httpGet.host", deployment(web(readinessProbe__httpGet__host="10.0.0.1"))),
        fail("seccomp", "Unconfined", context(seccompProfile__type="Unconfined")),
        fail("app-armor", "AppArmor", context(appArmorProfile={"type": "Unconfined"})),
        fail("se-linux", "spc_t", context(seLinuxOptions={"type": "spc_t"})),
        fail("proc-mount", "Unmasked", context(procMount="Unmasked")),
        fail("sysctls", "kernel.msgmax", pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]})),
        fail("windows-host-process", "process of the node", context(windowsOptions={"hostProcess": True})),
        missing("", "", deployment(web(securityContext=None))),
        unknown("undecided", "privileged is '(unknown)'", context(privileged=UNKNOWN)),
        unknown("undecided", "volumes is '(unknown)'", pod(volumes=UNKNOWN)),
        good(deployment()),
        good(llm()),
        near(pod(hostNetwork=False, volumes=[{"name": "a", "secret": {"secretName": UNKNOWN}}])),
        near(context(capabilities__add=["NET_BIND_SERVICE"], procMount="Default")),
        near(pod(securityContext={"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]})),
    ],
    "pod-security-restricted": [
        fail(
            "run-as-non-root",
            "runAsNonRoot is false",
            llm(None, template={"containers": [server(securityContext={"runAsNonRoot": False})]}),
        ),
        fail("privilege-escalation", "set-uid", context(allowPrivilegeEscalation=True)),
        fail("capabilities", "['NET_RAW']", context(capabilities__drop=["NET_RAW"])),
        fail("capabilities", "NET_BIND_SERVICE only", context(capabilities__add=["CHOWN"])),
        fail("run-as-user", "0 is root", context(runAsUser=0)),
        fail("run-as-user", "securityContext.runAsUser is 0", pod(securityContext={"runAsUser": 0})),
        fail("volume-types", "volumes[0].nfs", pod(volumes=[{"name": "a", "nfs": {}}])),
        missing(
            "run-as-non-root privilege-escalation seccomp capabilities",
            "is missing",
            deployment(web(securityContext=None)),
        ),
        unknown("", "", context(runAsNonRoot=UNKNOWN)),
        good(llm()),
        good(deployment()),
        near(deployment(web(securityContext__runAsNonRoot=None), securityContext={"runAsNonRoot": True})),
        near(llm(None, template={"containers": [server(securityContext={"readOnlyRootFilesystem": True})]})),
        near(pod(volumes=[{"name": "a", "emptyDir": {"medium": "Memory"}}])),
    ],
    "literal-secrets": [
        fail(
            "literal-secret",
            "env[HF_TOKEN] is 'HF_TOKEN, in plain text'",
            deployment(web(env=[{"name": "HF_TOKEN", "value": "hf_abc"}])),
        ),
        fail("literal-secret", "--api-key", llm(None, template={"containers": [server(args=["--api-key=sk-1"])]})),
        fail("literal-secret", "--api-key", deployment(web(args=["--api-key", "sk-1"]))),
        fail(
            "literal-secret",
            "known by now",
            llm(None, template={}, baseRefs=[{"name": "base"}]),
            llm_config("base", template={"containers": [server(env=[{"name": "API_KEY", "value": "sk-1"}])]}),
        ),
        missing(
            "",
            "",
            deployment(web(env=[{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf", "key": "t"}}}])),
        ),
        unknown("", "", deployment(web(env=[{"name": "HF_TOKEN", "value": UNKNOWN}]))),
        good(deployment()),
        good(llm()),
        near(
            deployment(
                web(env=[{"name": "TOKENIZERS_PARALLELISM", "value": "false"}, {"name": "MAX_TOKENS", "value": "8"}])
            )
        ),
        near(
            deployment(
                web(
                    env=[
                        {"name": "HF_TOKEN_PATH", "value": "/var/run/token"},
                        {"name": "DB_PASSWORD", "value": "$(PW)"},
                    ]
                )
            )
        ),
        near(deployment(web(args=["--api-key=$(API_KEY)", "--token", "--verbose"]))),
    ],
    "namespace-network-policy": [
        fail("network-policy", "4.3.2", namespace()),
        fail("network-policy", "'other'", namespace("other"), denied()),
        missing("", "", denied()),
        unknown("", "", namespace(), denied(UNKNOWN)),
        good(namespace(), denied()),
        good(cluster()),
        near(Made("gcp:firestore/namespace:Namespace", "a", {}), kubernetes("example.com/v1", "Namespace", "a")),
    ],
}
