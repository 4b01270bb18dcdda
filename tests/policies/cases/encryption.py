"""Keys of one's own (CMEK)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN, Made
from tests.policies.objects import cluster, node_pool

CASES: Final[Cases] = {
    "cmek-default-pool": [
        fail("default-pool-key", "is removed right after it", cluster(nodeConfig=None), node_pool()),
        fail(
            "default-pool-key",
            "comes with the cluster, boots from disks with Google's key only",
            cluster(nodeConfig=None, removeDefaultNodePool=None),
            node_pool(cluster=UNKNOWN, nodeConfig__bootDiskKmsKey=UNKNOWN),
        ),
        fail(
            "default-pool-key",
            "NodePool 'v6e' has a key of yours (CMEK)",
            cluster(nodeConfig=None),
            node_pool(cluster="projects/project/locations/us-east5/clusters/inference"),
        ),
        fail(
            "default-pool-key",
            "the pack's configuration asks for keys of yours (CMEK)",
            cluster(nodeConfig=None),
            config={"required": True},
        ),
        missing("default-pool-key", "bootDiskKmsKey is missing", cluster(nodeConfig={"tags": ["a"]}), node_pool()),
        missing("default-pool-key", "", cluster(nodeConfig__bootDiskKmsKey=""), node_pool()),
        missing("", "", cluster(nodeConfig=None), node_pool(nodeConfig__bootDiskKmsKey=None)),
        missing("", "", cluster(nodeConfig=None), node_pool(nodeConfig__bootDiskKmsKey="")),
        unknown("undecided", "nodeConfig is '(unknown)'", cluster(nodeConfig=UNKNOWN), node_pool()),
        unknown(
            "undecided",
            "enableAutopilot is '(unknown)'",
            cluster(nodeConfig=None, enableAutopilot=UNKNOWN),
            node_pool(),
        ),
        unknown(
            "undecided",
            "NodePool 'v6e': cluster is '(unknown)'",
            cluster(nodeConfig=None),
            replace(cluster(name="second"), name="second"),
            node_pool(cluster=UNKNOWN),
        ),
        unknown("", "", cluster(nodeConfig__bootDiskKmsKey=UNKNOWN), node_pool()),
        unknown("", "", cluster(nodeConfig=None), node_pool(nodeConfig=UNKNOWN)),
        good(cluster(), node_pool()),
        good(cluster(), config={"required": True}),
        near(cluster(nodeConfig=None), node_pool(cluster="second")),
        near(cluster(nodeConfig=None, enableAutopilot=True), node_pool()),
        near(cluster(nodeConfig=None, nodePools=[{"name": "a"}], removeDefaultNodePool=None), node_pool()),
        near(cluster(nodeConfig=None), config={"required": False}),
        near(Made("gcp:dataproc/cluster:Cluster", "a", {}), node_pool()),
    ],
}
