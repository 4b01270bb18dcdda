"""Kubernetes' Pod Security Standards, baseline and restricted, on a plain pod spec.

Owns every control of both levels. Values that are not known yet (of no JSON type) pass here; who reads the spec reports them.
Source: kubernetes/pod-security-admission policy/check_*.go (2026-07-01); on TPUs privileged mode is not needed from GKE 1.28.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from rules.finding import Finding

BASELINE_CAPABILITIES: Final = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
SAFE_SYSCTLS: Final = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem",
    }
)
SELINUX_TYPES: Final = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
RESTRICTED_VOLUMES: Final = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
        "image",
    }
)
PROFILES: Final = ("RuntimeDefault", "Localhost")

Spec = Mapping[str, Any]


def check_baseline(pod: Spec) -> list[Finding]:
    """What Pod Security 'baseline' refuses; paths are relative to the pod spec."""
    findings: list[Finding] = []
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name) is True:
            why = "the pod shares the node's namespace and sees its neighbours"
            findings.append(_finding(name, True, why, "Leave it out.", "host-namespaces"))
    for index, volume in enumerate(_maps(pod.get("volumes"))):
        if volume.get("hostPath") is not None:
            why = "the pod reads and writes the node's own files"
            path = f"volumes[{index}].hostPath"
            findings.append(
                _finding(path, "set", why, "Use an emptyDir, a PersistentVolumeClaim or a CSI volume.", "host-path")
            )
    context = _map(pod.get("securityContext"))
    for index, sysctl in enumerate(_maps(context.get("sysctls"))):
        if isinstance(sysctl.get("name"), str) and sysctl["name"] not in SAFE_SYSCTLS:
            why = "this sysctl is not namespaced and changes the node for everybody"
            path = f"securityContext.sysctls[{index}].name"
            findings.append(_finding(path, sysctl["name"], why, "Leave it out, or set it on the node pool.", "sysctls"))
    findings += _check_context(context, "securityContext")
    for container, path in containers(pod):
        findings += _check_container(container, path)
    return findings


def _check_context(context: Spec, path: str) -> Iterator[Finding]:
    """Fields that a pod's and a container's security context share."""
    if _map(context.get("seccompProfile")).get("type") == "Unconfined":
        why = "without seccomp every system call of the node's kernel is open"
        yield _finding(f"{path}.seccompProfile.type", "Unconfined", why, "Write RuntimeDefault.", "seccomp")
    if _map(context.get("appArmorProfile")).get("type") == "Unconfined":
        why = "it takes the runtime's AppArmor profile off"
        yield _finding(f"{path}.appArmorProfile.type", "Unconfined", why, "Write RuntimeDefault.", "app-armor")
    selinux = _map(context.get("seLinuxOptions"))
    for name in ("user", "role"):
        if isinstance(selinux.get(name), str) and selinux[name]:
            why = "a pod must not choose its SELinux identity"
            yield _finding(f"{path}.seLinuxOptions.{name}", selinux[name], why, "Leave it out.", "se-linux")
    if isinstance(selinux.get("type"), str) and selinux["type"] not in SELINUX_TYPES:
        why = "this SELinux type is not confined"
        yield _finding(f"{path}.seLinuxOptions.type", selinux["type"], why, "Leave it out.", "se-linux")
    if _map(context.get("windowsOptions")).get("hostProcess") is True:
        why = "the container runs as a process of the node"
        yield _finding(f"{path}.windowsOptions.hostProcess", True, why, "Leave it out.", "windows-host-process")


def _check_container(container: Spec, path: str) -> Iterator[Finding]:
    context = _map(container.get("securityContext"))
    at = f"{path}.securityContext"
    yield from _check_context(context, at)
    if context.get("privileged") is True:
        why = "the container owns the node; TPUs need no privileged mode from GKE 1.28.7"
        yield _finding(f"{at}.privileged", True, why, "Leave it out.", "privileged")
    added = [c for c in _texts(_map(context.get("capabilities")).get("add")) if c not in BASELINE_CAPABILITIES]
    if added:
        why = "these capabilities lead out of the container"
        yield _finding(f"{at}.capabilities.add", ", ".join(added), why, "Leave them out.", "capabilities")
    if isinstance(context.get("procMount"), str) and context["procMount"] != "Default":
        why = "it unmasks the node's /proc"
        yield _finding(f"{at}.procMount", context["procMount"], why, "Leave it out.", "proc-mount")
    for index, port in enumerate(_maps(container.get("ports"))):
        if isinstance(port.get("hostPort"), int) and port["hostPort"] != 0:
            why = "it opens the node's own port and allows one such pod per node"
            yield _finding(f"{path}.ports[{index}].hostPort", port["hostPort"], why, "Use a Service.", "host-ports")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        yield from _check_host(_map(container.get(name)), f"{path}.{name}")
    for name in ("postStart", "preStop"):
        yield from _check_host(_map(_map(container.get("lifecycle")).get(name)), f"{path}.lifecycle.{name}")


def _check_host(action: Spec, path: str) -> Iterator[Finding]:
    for name in ("httpGet", "tcpSocket"):
        host = _map(action.get(name)).get("host")
        if isinstance(host, str) and host:
            why = "the kubelet can be made to call any address"
            yield _finding(
                f"{path}.{name}.host", host, why, "Leave host out; the pod's address is the default.", "host-probes"
            )


def check_restricted(pod: Spec) -> list[Finding]:
    """What Pod Security 'restricted' refuses beyond 'baseline'; paths are relative to the pod spec."""
    findings: list[Finding] = []
    for index, volume in enumerate(_maps(pod.get("volumes"))):
        sources = [key for key, value in volume.items() if key != "name" and value is not None]
        for source in sources:
            if source not in RESTRICTED_VOLUMES and source != "hostPath":
                why = "this type of volume reaches outside the cluster's storage interface"
                path = f"volumes[{index}].{source}"
                findings.append(
                    _finding(path, "set", why, "Use a PersistentVolumeClaim or CSI volume.", "volume-types")
                )
    outer = _map(pod.get("securityContext"))
    if outer.get("runAsUser") == 0:
        findings.append(_finding("securityContext.runAsUser", 0, "0 is root", "Write another user.", "run-as-user"))
    windows = _map(pod.get("os")).get("name") == "windows"
    for container, path in containers(pod):
        if windows:
            continue  # none of these settings exists there
        findings += _check_restricted_container(container, f"{path}.securityContext", outer)
    return findings


def _check_restricted_container(container: Spec, path: str, outer: Spec) -> Iterator[Finding]:
    context = _map(container.get("securityContext"))
    if _none_or(context.get("allowPrivilegeEscalation"), True):
        value = context.get("allowPrivilegeEscalation")
        why = "a set-uid program in the image can gain root"
        yield _finding(f"{path}.allowPrivilegeEscalation", value, why, "Write false.", "privilege-escalation")
    own = context.get("runAsNonRoot")
    effective = outer.get("runAsNonRoot") if own is None else own
    if _none_or(effective, False):
        why = "the container may run as root, and root in a container is root on the node after an escape"
        yield _finding(
            f"{path}.runAsNonRoot", own, why, "Write true, and use an image with a user of its own.", "run-as-non-root"
        )
    if context.get("runAsUser") == 0 and not isinstance(context.get("runAsUser"), bool):
        yield _finding(f"{path}.runAsUser", 0, "0 is root", "Write another user.", "run-as-user")
    profile = _map(context.get("seccompProfile")).get("type") or _map(outer.get("seccompProfile")).get("type")
    unset = context.get("seccompProfile") is None and outer.get("seccompProfile") is None
    if unset or (isinstance(profile, str) and profile not in PROFILES and profile != "Unconfined"):
        why = "without seccomp every system call of the node's kernel is open"
        yield _finding(f"{path}.seccompProfile.type", profile, why, "Write RuntimeDefault.", "seccomp")
    capabilities = _map(context.get("capabilities"))
    dropped = capabilities.get("drop")
    if dropped is None or (isinstance(dropped, list) and "ALL" not in _texts(dropped) and _all_texts(dropped)):
        why = "the container keeps the runtime's default capabilities"
        yield _finding(f"{path}.capabilities.drop", dropped, why, "Write [ALL].", "capabilities")
    added = [c for c in _texts(capabilities.get("add")) if c != "NET_BIND_SERVICE" and c in BASELINE_CAPABILITIES]
    if added:
        why = "restricted pods may add NET_BIND_SERVICE only"
        yield _finding(f"{path}.capabilities.add", ", ".join(added), why, "Leave them out.", "capabilities")


def containers(pod: Spec) -> Iterator[tuple[Spec, str]]:
    """Every container of a pod spec with its path."""
    for part in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(_items(pod.get(part))):
            if isinstance(container, Mapping):
                yield cast("Spec", container), f"{part}[{index}]"


def _finding(path: str, value: object, reason: str, remedy: str, rule: str) -> Finding:
    return Finding(path=path, value=value, reason=reason, remedy=remedy, rule=rule)


def _none_or(value: object, bad: bool) -> bool:
    return value is None or value is bad


def _map(value: object) -> Spec:
    return cast("Spec", value) if isinstance(value, Mapping) else {}


def _items(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _maps(value: object) -> list[Spec]:
    """The mappings of a list, an empty one for anything else so that indexes stay those of the list."""
    return [_map(item) for item in _items(value)]


def _texts(value: object) -> list[str]:
    return [item for item in _items(value) if isinstance(item, str)]


def _all_texts(value: object) -> bool:
    return len(_texts(value)) == len(_items(value))
