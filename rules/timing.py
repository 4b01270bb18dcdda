"""How long things take on Google Cloud, in seconds, as people who wait for them report it.

Owns durations of the cloud's own work. Does not own how long a model server takes to start (`startup`, `vllm`).
Sources: operators' reports of GKE clusters with TPU node pools (2026-02: 5 to 8 minutes for a cluster, 2 to 5 for a TPU pool,
1 to 3 until a regional Gateway has its address; up to 45 minutes until GatewayClasses appear on a cluster whose Gateway API
was switched on later; minutes until a health check that was changed by hand is put back). No guarantee of Google's stands behind
any of them.
"""

from __future__ import annotations

from typing import Final

Range = tuple[int, int]

CLUSTER_CREATE_SECONDS: Final[Range] = (300, 480)
TPU_POOL_CREATE_SECONDS: Final[Range] = (120, 300)
GATEWAY_ADDRESS_SECONDS: Final[Range] = (60, 180)
"""From a Gateway's creation until it is Programmed."""
GATEWAY_CLASSES_LATE_SECONDS: Final = 2700
"""At most, until GatewayClasses appear after the Gateway API is switched on for a cluster that exists already."""
HEALTH_CHECK_PUT_BACK_SECONDS: Final = 180
"""Until GKE's Gateway controller has put back what somebody changed at a health check by hand."""
