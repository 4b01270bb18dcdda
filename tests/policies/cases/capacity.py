"""How node pools get their machines."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN
from tests.policies.objects import (
    node_pool,
)

MULTI: Final = {"nodeCount": 4, "placementPolicy": {"type": "COMPACT", "tpuTopology": "4x4"}}


FLEX: Final[dict[str, Any]] = {
    "nodeCount": None,
    "nodeConfig__flexStart": True,
    "management__autoRepair": False,
    "autoscaling": {"minNodeCount": 0, "maxNodeCount": 4, "locationPolicy": "ANY"},
}


SPECIFIC: Final = {
    "consumeReservationType": "SPECIFIC_RESERVATION",
    "key": "compute.googleapis.com/reservation-name",
    "values": ["v6e"],
}


CASES: Final[Cases] = {
    "tpu-capacity": [
        fail("limits", "starts empty and grows", node_pool(**{**FLEX, "autoscaling": None})),
        fail("limits", "minNodeCount is 1", node_pool(**{**FLEX, "autoscaling__minNodeCount": 1})),
        fail(
            "limits", "locationPolicy is 'BALANCED'", node_pool(**{**FLEX, "autoscaling__locationPolicy": "BALANCED"})
        ),
        fail("limits", "it is more than maxNodeCount 2", node_pool(autoscaling={"minNodeCount": 3, "maxNodeCount": 2})),
        fail(
            "limits",
            "exists whole or not at all",
            node_pool(**MULTI, autoscaling={"minNodeCount": 2, "maxNodeCount": 4}),
        ),
        fail("limits", "not both", node_pool(autoscaling={"maxNodeCount": 2, "totalMaxNodeCount": 4})),
        fail(
            "reservation",
            "a spot pool takes no reserved",
            node_pool(nodeConfig__spot=True, nodeConfig__reservationAffinity=SPECIFIC),
        ),
        fail(
            "reservation",
            "there is no such affinity",
            node_pool(nodeConfig__reservationAffinity={"consumeReservationType": "SPECIFIC"}),
        ),
        fail(
            "reservation",
            "reservationAffinity.values is 2",
            node_pool(nodeConfig__reservationAffinity={**SPECIFIC, "values": ["a", "b"]}),
        ),
        fail("duration", "at most 7 days", node_pool(**FLEX, nodeConfig__maxRunDuration="1209600s")),
        fail("spot", "spot or preemptible", node_pool(nodeConfig__spot=True, nodeConfig__preemptible=True)),
        fail(
            "queued", "no spot machines", node_pool(**FLEX, queuedProvisioning={"enabled": True}, nodeConfig__spot=True)
        ),
        missing(
            "reservation",
            "reservationAffinity.key is missing",
            node_pool(nodeConfig__reservationAffinity={**SPECIFIC, "key": None}),
        ),
        missing("", "", node_pool(nodeConfig__reservationAffinity=None, autoscaling=None)),
        unknown("undecided", "nodeConfig.spot is '(unknown)'", node_pool(nodeConfig__spot=UNKNOWN)),
        unknown("", "", node_pool(autoscaling={"minNodeCount": UNKNOWN, "maxNodeCount": 2})),
        good(node_pool()),
        good(
            node_pool(
                **FLEX,
                nodeConfig__maxRunDuration="604800s",
                nodeConfig__reservationAffinity={"consumeReservationType": "NO_RESERVATION"},
            )
        ),
        good(node_pool(nodeConfig__reservationAffinity=SPECIFIC)),
        near(node_pool(**MULTI, autoscaling={"minNodeCount": 4, "maxNodeCount": 4})),
        near(node_pool(nodeConfig__machineType="e2-standard-4", nodeConfig__flexStart=True)),
    ],
}
