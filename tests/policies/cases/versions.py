"""Cases of which versions go together: the cluster's with node pools and routes, KServe's with CRDs from files."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import cluster, gateway, llm, node_pool, release, route

QUERY: Final = {"matches": [{"queryParams": [{"name": "model", "value": "qwen"}]}]}
BACKEND_TLS: Final = kubernetes("gateway.networking.k8s.io/v1", "BackendTLSPolicy", "qwen", spec={})


def asks(rule: dict[str, Any]) -> Made:
    """A route to a Service that asks for something newer."""
    return route({"name": "qwen-kserve-workload-svc", "port": 8000}, rule=rule)


def entry(**tls: Any) -> Made:
    """A Gateway with settings for certificates."""
    made = gateway()
    made.props["spec"]["tls"] = tls
    return made


def crds(version: str) -> Made:
    """The inference extension's CRDs from an address."""
    address = "https://github.com/kubernetes-sigs/gateway-api-inference-extension/releases/download"
    return Made("kubernetes:yaml/v2:ConfigFile", "crds", {"file": f"{address}/{version}/manifests.yaml"})


CASES: Final[Cases] = {
    "version-compatibility": [
        fail(
            "machine-version",
            "GKE knows ct6e-standard-4t only from",
            cluster(minMasterVersion="1.30.5-gke.100"),
            node_pool(),
        ),
        fail("pool-version", "newer than their control plane", cluster(), node_pool(version="1.35.0-gke.1")),
        missing("", "", cluster(minMasterVersion=None), node_pool()),
        unknown("", "", cluster(minMasterVersion=UNKNOWN), node_pool()),
        good(cluster(), node_pool()),
        good(cluster(), node_pool(version="1.33.1-gke.1")),
        near(cluster(minMasterVersion="1.30.5-gke.100"), node_pool(nodeConfig__machineType="e2-standard-4")),
        near(node_pool(version="1.35.0-gke.1")),
        fail("feature-version", "matches[0].queryParams", cluster(minMasterVersion="1.34.1"), asks(QUERY)),
        fail(
            "feature-version",
            "may be as old as 1.34.0-gke.1626000",
            cluster(minMasterVersion=None, releaseChannel={"channel": "STABLE"}),
            asks(QUERY),
        ),
        fail("feature-version", "spec.tls.frontend", cluster(minMasterVersion="1.34.1"), entry(frontend={})),
        fail("feature-version", "from 1.36", cluster(minMasterVersion="1.35"), entry(backend={})),
        fail("feature-version", "no such CRD", cluster(minMasterVersion="1.34.1"), BACKEND_TLS),
        fail("feature-version", "from 1.32.3", cluster(minMasterVersion="1.32.1-gke.1"), llm()),
        fail(
            "crd-version", "built against release 1.5", release("kserve-llmisvc-resources", "v0.20.0"), crds("v1.3.1")
        ),
        good(cluster(minMasterVersion="1.35"), asks(QUERY), BACKEND_TLS, entry(frontend={})),
        good(release("kserve-llmisvc-resources", "v0.20.0"), crds("v1.5.0"), crds("main")),
        near(asks(QUERY), BACKEND_TLS),
        near(cluster(minMasterVersion=None, releaseChannel={"channel": "EXTENDED"}), asks(QUERY)),
        missing("", "", crds("v1.3.1")),
        unknown("undecided", "matching by query", cluster(minMasterVersion=UNKNOWN), asks(QUERY), llm()),
    ],
}
