"""The demo project's resources in the shape the program makes them, each made on demand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sandbox.plugin.values import Properties
from tests.sandbox.gcp.driver import PROJECT, REGION, Engine, Made

CLUSTER_ID = f"projects/{PROJECT}/locations/{REGION}/clusters/main"


class World:
    """An engine and shorthands."""

    def __init__(self, engine: Engine, home: Path) -> None:
        self.engine = engine
        self._home = home

    def apis(self) -> None:
        """Enables what everything else needs."""
        for name in ("compute", "container", "iam"):
            self.engine.create("Service", name, {"service": f"{name}.googleapis.com"})

    def network(self) -> Made:
        """A network without automatic subnetworks."""
        return self.engine.create("Network", "main", {"name": "main", "autoCreateSubnetworks": False})

    @staticmethod
    def subnetwork_inputs(**changes: Any) -> Properties:
        """A subnetwork with ranges for pods and services."""
        ranges = [
            {"rangeName": "pods", "ipCidrRange": "10.4.0.0/14"},
            {"rangeName": "services", "ipCidrRange": "10.8.0.0/20"},
        ]
        inputs = {"name": "nodes", "network": "main", "ipCidrRange": "10.0.0.0/20", "secondaryIpRanges": ranges}
        return {**inputs, **changes}

    def subnetwork(self, **changes: Any) -> Made:
        """Makes it."""
        return self.engine.create("Subnetwork", "nodes", self.subnetwork_inputs(**changes))

    @staticmethod
    def cluster_inputs(**changes: Any) -> Properties:
        """A private, VPC-native cluster with the Gateway API."""
        inputs = {
            "name": "main",
            "location": REGION,
            "network": "main",
            "subnetwork": "nodes",
            "initialNodeCount": 1,
            "removeDefaultNodePool": True,
            "deletionProtection": False,
            "minMasterVersion": "1.34",
            "releaseChannel": {"channel": "REGULAR"},
            "gatewayApiConfig": {"channel": "CHANNEL_STANDARD"},
            "ipAllocationPolicy": {"clusterSecondaryRangeName": "pods", "servicesSecondaryRangeName": "services"},
            "privateClusterConfig": {"enablePrivateNodes": True, "masterIpv4CidrBlock": "172.16.0.0/28"},
            "workloadIdentityConfig": {"workloadPool": f"{PROJECT}.svc.id.goog"},
        }
        return {**inputs, **changes}

    def cluster(self, **changes: Any) -> Made:
        """Makes it, on a network of its own."""
        self.apis()
        self.network()
        self.subnetwork()
        return self.engine.create("Cluster", "main", self.cluster_inputs(**changes))

    @staticmethod
    def pool_inputs(node_config: Properties | None = None, **changes: Any) -> Properties:
        """A single-host v6e pool of one node."""
        config = {"machineType": "ct6e-standard-4t", "diskType": "hyperdisk-balanced", **(node_config or {})}
        inputs = {
            "name": "tpu",
            "cluster": CLUSTER_ID,
            "location": REGION,
            "nodeLocations": [f"{REGION}-b"],
            "nodeCount": 1,
            "nodeConfig": config,
        }
        return {**inputs, **changes}

    def pool(self, node_config: Properties | None = None, **changes: Any) -> Made:
        """Makes it."""
        return self.engine.create("NodePool", "tpu", self.pool_inputs(node_config, **changes))

    def slice_inputs(self, **changes: Any) -> Properties:
        """A multi-host pool: one 2x4 slice of two VMs."""
        placement = {"type": "COMPACT", "tpuTopology": "2x4"}
        return {**self.pool_inputs(nodeCount=2, placementPolicy=placement), **changes}

    def asked_of_cluster(self) -> dict[str, Any]:
        """What the cloud asked of the cluster's runtime."""
        path = self._home / "clusters" / f"{PROJECT}_{REGION}_main" / "fake.json"
        return json.loads(path.read_text(encoding="utf-8"))
