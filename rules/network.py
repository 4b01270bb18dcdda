"""Addresses that Google's load balancers use, and what GKE gives its nodes.

Owns facts that a network and its firewall are built from. Does not own the proxy-only subnet's (`gateway.py`).
Source: cloud.google.com/load-balancing/docs/health-check-concepts (probe ranges), docs of 2026.
"""

from __future__ import annotations

from typing import Final

HEALTH_CHECK_RANGES: Final = ("35.191.0.0/16", "130.211.0.0/22")
"""Where Google's health checks of regional Application Load Balancers come from."""

NODE_ROLE: Final = "roles/container.defaultNodeServiceAccount"
"""The least a node's service account needs: write logs and metrics, pull from Artifact Registry with its own grant."""

NODE_POOL_LABEL: Final = "cloud.google.com/gke-nodepool"
"""GKE's label on each node: the name of its pool."""

NAT_LEAST_PORTS: Final = 32
NAT_MOST_PORTS: Final = 32768
"""Source ports of one node that Cloud NAT can be told to keep (static allocation; Cloud NAT's limits, docs of 2026)."""
NAT_MOST_ADDRESSES: Final = 50
"""Static addresses that are handed to one Cloud NAT here; its own quota is higher."""
FLOW_LOG_INTERVAL: Final = "INTERVAL_10_MIN"
FLOW_LOG_SAMPLING: Final = 0.1

REGISTRY_READER_ROLE: Final = "roles/artifactregistry.reader"
"""What pulling images takes on a repository; the node role does not hold it."""
