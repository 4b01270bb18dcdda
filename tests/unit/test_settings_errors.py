"""Every way in which settings of a cluster, its network and its pools can be wrong, and the whole message that a person reads.

One line a problem: the field as it is written in YAML, its value, why it cannot work, what to write instead. What concerns
models and their servers stands in `test_model_settings_errors`.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.changing import DELETE, problem

MACHINES = (
    "ct6e-standard-1t, ct6e-standard-4t, ct6e-standard-8t, ct5lp-hightpu-1t, ct5lp-hightpu-4t, ct5lp-hightpu-8t, "
    "ct5p-hightpu-4t, tpu7x-standard-1t, tpu7x-standard-4t"
)

CASES: dict[str, tuple[list[tuple[str, Any]], str]] = {
    "misspelt": (
        [("cluster.deletionProtecton", True)],
        "platform.cluster.deletionProtecton: there is no such setting. Did you mean deletionProtection?",
    ),
    "misspelt in a list": (
        [("models.0.replica", 1)],
        "platform.models[0].replica: there is no such setting. Did you mean replicas?",
    ),
    "Python's spelling": (
        [("tpuPools.0.machine_typ", "ct6e-standard-4t")],
        "platform.tpuPools[0].machine_typ: there is no such setting. Did you mean machineType?",
    ),
    "unknown": (
        [("charts.xyz", 1)],
        "platform.charts.xyz: there is no such setting. Known here: mirror.",
    ),
    "missing project": (
        [("project", DELETE)],
        (
            "platform.project: is missing (Google Cloud project id). "
            "Set it with: pulumi config set --path 'platform.project' VALUE"
        ),
    ),
    "missing in a list": (
        [("models.0.uri", DELETE)],
        (
            "platform.models[0].uri: is missing (Where the weights are: hf://, s3://, pvc:// or oci://. KServe does not "
            "load gs:// here). Set it with: pulumi config set --path 'platform.models[0].uri' VALUE"
        ),
    ),
    "nobody may reach the control plane": (
        [("cluster.authorizedNetworks", DELETE)],
        (
            "platform.cluster.authorizedNetworks: not set: nobody could reach the control plane, this program included. "
            "Write networks that deployments and operators come from, or dnsEndpoint: true."
        ),
    ),
    "wrong type": (
        [("systemPool.nodes", "two")],
        (
            "platform.systemPool.nodes: 'two': this is no whole number. Write a whole number, without quotes and unit. "
            "It is: How many nodes"
        ),
    ),
    "empty value": (
        [("zone", None)],
        "platform.zone: empty: nothing stands there. Write a value. It is: Zone of the TPU nodes, such as us-east5-b",
    ),
    "a value instead of a list": (
        [("models", "qwen")],
        (
            "platform.models: 'qwen': this is no list. Write a list, such as [{name: my-name, uri: hf://ORGANIZATION/MODEL, "
            "servedName: Qwen/Qwen2.5-3B-Instruct, pool: POOL}]. It is: The models to serve"
        ),
    ),
    "a value instead of a block": (
        [("gateway", "external")],
        (
            "platform.gateway: 'external': this is no block of settings. Write a block, such as {tls: {certificateManager: "
            "[CERTIFICATE]}}. It is: The entry to all models"
        ),
    ),
    "no models": (
        [("models", [])],
        (
            "platform.models: not set: a stack without models and services serves nothing. Write a model, or a service under "
            "services."
        ),
    ),
    "project id": (
        [("project", "My Project")],
        (
            "platform.project: 'My Project': it has to be 6 to 30 lower-case letters, digits and dashes, a letter first. "
            "Write my-project. "
            "It is: Google Cloud project id"
        ),
    ),
    "zone elsewhere": (
        [("zone", "us-central1-a")],
        (
            "platform.zone: 'us-central1-a': this zone is not in region us-east5. "
            "Write a zone of us-east5, such as us-east5-b."
        ),
    ),
    "region as zone": (
        [("zone", "us-east5")],
        (
            "platform.zone: 'us-east5': this is the region, and the TPU nodes are in one zone of it. "
            "Write a zone of us-east5, such as us-east5-b."
        ),
    ),
    "machine type": (
        [("tpuPools.0.machineType", "n2-standard-8")],
        (
            "platform.tpuPools[0].machineType: 'n2-standard-8': it is no TPU machine type known here. "
            f"Write one of {MACHINES}."
        ),
    ),
    "mistyped machine type": (
        [("tpuPools.0.machineType", "ct6e-standrad-4t")],
        (
            "platform.tpuPools[0].machineType: 'ct6e-standrad-4t': it is no TPU machine type that GKE offers. "
            f"Did you mean ct6e-standard-4t? The others are {MACHINES.replace('ct6e-standard-4t, ', '')}."
        ),
    ),
    "machine type of a size that its family has not": (
        [("tpuPools.0.machineType", "ct6e-standard-16t")],
        (
            "platform.tpuPools[0].machineType: 'ct6e-standard-16t': it is no TPU machine type that GKE offers. "
            "Write one of ct6e-standard-1t, ct6e-standard-4t, ct6e-standard-8t."
        ),
    ),
    "zone of the region that has none": (
        [("zone", "us-east5-q")],
        (
            "platform.zone: 'us-east5-q': no v6e node pools are offered there (Google's list as of 2026-08-23), and creating one "
            "fails with 'Unsupported TPU configuration' or GCE_STOCKOUT after minutes of waiting. Write us-east5-a or "
            "us-east5-b, or in another region one of asia-northeast1-b, europe-west4-a, southamerica-west1-a, us-central1-b, "
            "us-east1-d, us-south1-ai1b (lists disagree about us-east5-c), or name the zone under extraTpuZones if you know that "
            "it works."
        ),
    ),
    "machine type of a family that is not known here": (
        [("tpuPools.0.machineType", "ct9x-hightpu-4t")],
        (
            "platform.tpuPools[0].machineType: 'ct9x-hightpu-4t': it is no TPU machine type known here. "
            f"Write one of {MACHINES}."
        ),
    ),
    "topology": (
        [("tpuPools.0.topology", "3x3")],
        (
            "platform.tpuPools[0].topology: '3x3': ct6e-standard-4t (4 chips per VM) makes no such slice; GKE refuses the "
            "node pool or its pods stay Pending for ever. Write one of 2x2, 2x4, 4x4, 4x8, 8x8, 8x16, 16x16."
        ),
    ),
    "topology that another machine makes": (
        [("tpuPools.0.topology", "1x1")],
        (
            "platform.tpuPools[0].topology: '1x1': ct6e-standard-4t (4 chips per VM) makes no such slice; GKE refuses the "
            "node pool or its pods stay Pending for ever. Write one of 2x2, 2x4, 4x4, 4x8, 8x8, 8x16, 16x16, or machine "
            "type ct6e-standard-1t, which makes 1x1."
        ),
    ),
    "several multi-host slices in a pool": (
        [("tpuPools.0.topology", "4x4"), ("tpuPools.0.slices", 2)],
        (
            "platform.tpuPools[0].slices: 2: ct6e-standard-4t with topology 4x4 is a multi-host slice, and a pool holds one "
            "such slice. Write 1, and declare one pool a slice."
        ),
    ),
    "name of the system pool": (
        [("tpuPools.0.name", "system")],
        (
            "platform.tpuPools[0].name: 'system': the pool without TPU has this name. "
            "Write a name of its own, such as v6e-2x2."
        ),
    ),
    "GatewayClass": (
        [("gateway.className", "gke-l7-global-external-managed")],
        (
            "platform.gateway.className: 'gke-l7-global-external-managed': Gateways of this class take no InferencePool "
            "backend: the Gateway gets an address, but the pool never becomes healthy and every request ends in 503 "
            "'no healthy upstream'. Write gke-l7-regional-external-managed or gke-l7-rilb."
        ),
    ),
    "plain HTTP that nobody chose": (
        [("gateway.allowPlainHttp", DELETE)],
        (
            "platform.gateway.tls: not set: without it prompts and answers travel readable over plain HTTP. Write "
            "tls with the name of a certificate, or allowPlainHttp: true for a trial."
        ),
    ),
    "empty certificate": (
        [("gateway.allowPlainHttp", DELETE), ("gateway.tls", {"certificateManager": [""]})],
        (
            "platform.gateway.tls.certificateManager[0]: '': it has to be at most 63 lower-case letters, digits "
            "and dashes, a letter first. Write one such as my-name. "
            "It is: Names of regional Certificate Manager certificates, in the Gateway's project and region"
        ),
    ),
    "old version": (
        [("cluster.minimumVersion", "1.33.5-gke.1000000")],
        (
            "platform.cluster.minimumVersion: '1.33.5-gke.1000000': older clusters do not bring the InferencePool API with "
            "them. Write 1.34.0-gke.1626000 or newer."
        ),
    ),
    "no version": (
        [("cluster.minimumVersion", "latest")],
        "platform.cluster.minimumVersion: 'latest': this is no GKE version. Write a version such as 1.34.0-gke.1626000.",
    ),
    "release channel": (
        [("cluster.releaseChannel", "regular")],
        (
            "platform.cluster.releaseChannel: 'regular': it has to be RAPID, REGULAR, STABLE or EXTENDED. Write REGULAR. "
            "It is: RAPID, REGULAR, STABLE or EXTENDED: who gets a GKE version first"
        ),
    ),
    "range with host bits": (
        [("network.nodeCidr", "10.0.0.1/20")],
        (
            "platform.network.nodeCidr: '10.0.0.1/20': this is no IPv4 range (10.0.0.1/20 has host bits set). "
            "Write a range such as 10.0.0.0/20."
        ),
    ),
    "overlapping ranges": (
        [("network.podCidr", "10.0.0.0/14")],
        "platform.network.podCidr: '10.0.0.0/14': overlaps nodeCidr 10.0.0.0/20. Write a range of its own.",
    ),
    "control plane overlaps": (
        [("cluster.controlPlaneCidr", "10.8.0.16/28")],
        (
            "platform.cluster.controlPlaneCidr: '10.8.0.16/28': overlaps network.serviceCidr 10.8.0.0/20. "
            "Write a /28 of its own."
        ),
    ),
    "control plane of another size": (
        [("cluster.controlPlaneCidr", "172.16.0.0/24")],
        (
            "platform.cluster.controlPlaneCidr: '172.16.0.0/24': a control plane has a range of 16 addresses. "
            "Write a /28 such as 172.16.0.0/28."
        ),
    ),
    "proxy-only subnet too small": (
        [("network.proxyCidr", "10.129.0.0/27")],
        (
            "platform.network.proxyCidr: '10.129.0.0/27': a regional Gateway's proxies need at least 64 addresses. "
            "Write a /23 range (at least /26)."
        ),
    ),
    "namespace of something else": (
        [("namespace", "kserve")],
        (
            "platform.namespace: 'kserve': this namespace belongs to something else. "
            "Write a name of its own, such as inference."
        ),
    ),
}


@pytest.mark.parametrize(("changes", "message"), CASES.values(), ids=CASES.keys())
def test_message(changes: list[tuple[str, Any]], message: str) -> None:
    """Field, value, reason, remedy, in one line, and only for what is wrong."""
    assert problem(*changes) == message


def test_an_error_is_one_line_whatever_the_value() -> None:
    """A line break or a terminal's control code in a value must not make up lines of its own in what people read."""
    text = problem(("cluster.name", "a\nerror: b\x1b[31m"))
    assert "\\n" in text
    assert "\x1b" not in text
