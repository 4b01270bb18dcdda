"""The command lines of etcd, kube-apiserver, kube-controller-manager and kube-scheduler.

Owns: every flag, and why it is there. Does not own starting them (`child.py`) or their order (`control_plane.py`).
Everything listens on 127.0.0.1 and asks for a certificate of this cluster's CA or for a token.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from rules import workload_metrics as facts
from sandbox.clock import scaled
from sandbox.cluster.pki import Pki

SERVICE_CIDR = "10.0.0.0/20"
"""Addresses of Services; never routed, the node agent maps them to local processes."""

_SHORTEST_PERIOD = 0.5
"""Seconds; an autoscaler that is computed more often costs more than it shows."""

SERVICE_IP = str(ipaddress.ip_network(SERVICE_CIDR)[1])
"""The ClusterIP of the `kubernetes` Service: the first of the range, as on every cluster."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """TCP ports on 127.0.0.1. Only `apiserver` is known outside and stays the same."""

    apiserver: int
    etcd: int
    etcd_peer: int
    controller_manager: int
    scheduler: int


def etcd(binary: Path, directory: Path, pki: Pki, ports: Ports) -> list[str]:
    """Etcd with one member; `--unsafe-no-fsync` loses the last writes when the machine (not the process) crashes."""
    certificate, key = pki.pair("apiserver")
    url, peer = f"https://127.0.0.1:{ports.etcd}", f"https://127.0.0.1:{ports.etcd_peer}"
    return [
        str(binary),
        "--name=sandbox",
        f"--data-dir={directory}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=sandbox={peer}",
        "--client-cert-auth",
        f"--trusted-ca-file={pki.ca}",
        f"--cert-file={certificate}",
        f"--key-file={key}",
        "--peer-client-cert-auth",
        f"--peer-trusted-ca-file={pki.ca}",
        f"--peer-cert-file={certificate}",
        f"--peer-key-file={key}",
        "--unsafe-no-fsync",
        "--quota-backend-bytes=1073741824",  # 1 GiB: KServe's CRDs in many versions, and a bound
        "--snapshot-count=5000",  # entries kept in memory
        "--auto-compaction-mode=revision",
        "--auto-compaction-retention=5000",
        "--log-level=warn",
    ]


def apiserver(binary: Path, pki: Pki, ports: Ports, *, token_file: Path, egress_file: Path) -> list[str]:
    """kube-apiserver with RBAC, the token everybody uses, and GKE's admission where it matters for TPUs."""
    certificate, key = pki.pair("apiserver")
    etcd_certificate, etcd_key = pki.pair("apiserver-etcd-client")
    return [
        str(binary),
        "--bind-address=127.0.0.1",
        f"--secure-port={ports.apiserver}",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",  # an Endpoints object must not hold a loopback address
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
        f"--client-ca-file={pki.ca}",
        f"--token-auth-file={token_file}",
        "--authorization-mode=Node,RBAC",
        # GKE tolerates google.com/tpu=present:NoSchedule for pods that ask for TPUs; this plugin is how
        "--enable-admission-plugins=NodeRestriction,ExtendedResourceToleration",
        f"--etcd-servers=https://127.0.0.1:{ports.etcd}",
        f"--etcd-cafile={pki.ca}",
        f"--etcd-certfile={etcd_certificate}",
        f"--etcd-keyfile={etcd_key}",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki.service_account_key}",
        f"--service-account-signing-key-file={pki.service_account_key}",
        f"--egress-selector-config-file={egress_file}",
        "--allow-privileged",
        "--profiling=false",
        "--event-ttl=2h",
        "--v=1",
    ]


def controller_manager(binary: Path, pki: Pki, ports: Ports, *, kubeconfig: Path) -> list[str]:
    """kube-controller-manager; pods have no addresses of their own, so no node gets a pod range."""
    certificate, key = pki.pair("apiserver")
    return [
        str(binary),
        "--bind-address=127.0.0.1",
        f"--secure-port={ports.controller_manager}",
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--use-service-account-credentials",
        "--kube-api-qps=200",  # the defaults spare a shared API server and cost seconds at start
        "--kube-api-burst=400",
        f"--service-account-private-key-file={pki.service_account_key}",
        f"--root-ca-file={pki.ca}",
        "--allocate-node-cidrs=false",
        *_autoscaler_periods(),
        "--profiling=false",
        "--v=1",
    ]


def _autoscaler_periods() -> list[str]:
    """Flags of the autoscaler's own periods; those in an autoscaler's `behavior` are the stack's and stay real seconds."""
    periods = {
        "sync-period": facts.SYNC_SECONDS,
        "cpu-initialization-period": facts.CPU_INITIALIZATION_SECONDS,
        "initial-readiness-delay": facts.INITIAL_READINESS_SECONDS,
        "downscale-stabilization": facts.DOWNSCALE_SECONDS,
    }
    return [
        f"--horizontal-pod-autoscaler-{name}={max(scaled(seconds), _SHORTEST_PERIOD):.3f}s"
        for name, seconds in periods.items()
    ]


def scheduler(binary: Path, pki: Pki, ports: Ports, *, kubeconfig: Path) -> list[str]:
    """kube-scheduler with its default profile."""
    certificate, key = pki.pair("apiserver")
    return [
        str(binary),
        "--bind-address=127.0.0.1",
        f"--secure-port={ports.scheduler}",
        f"--tls-cert-file={certificate}",
        f"--tls-private-key-file={key}",
        f"--kubeconfig={kubeconfig}",
        "--leader-elect=false",
        "--profiling=false",
        "--v=1",
    ]
