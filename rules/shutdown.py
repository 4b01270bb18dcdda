"""How a model server is stopped without cutting answers.

Owns the arithmetic between the load balancer's draining, the preStop wait, vLLM's own wait and the pod's grace period. Does not
own the checks of foreign pods (`autoscaling.py`).
Sources: Kubernetes' documentation of pod termination (2026); kserve/kserve v0.20.0, whose preset gives vLLM the grace period
less the preStop wait and five seconds (llmisvc/config_merge.go, shutdownTimeout); vLLM 0.18, which brought --shutdown-timeout
(vllm#36666); GKE's documentation of node upgrades, which wait for a pod's grace period for an hour at most (2026).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rules.autoscaling import PRE_STOP_SECONDS
from rules.backend import DRAINING_SECONDS

KILL_MARGIN_SECONDS: Final = 5
"""Between the end of vLLM's wait and SIGKILL: KServe's own buffer."""
NODE_UPGRADE_SECONDS: Final = 3600
"""How long GKE waits for a pod before it takes its node away."""
SPOT_NOTICE_SECONDS: Final = 30
"""Notice before a Spot VM is taken; its pods get 15 s of it."""


@dataclass(frozen=True, kw_only=True)
class Shutdown:
    """What happens when a server is told to stop, in seconds."""

    pre_stop: int
    """It goes on serving while the load balancer learns that it is leaving."""
    finish: int
    """Then it takes nothing new and finishes what it has."""

    @property
    def grace(self) -> int:
        """The grace period of its pod."""
        return self.pre_stop + self.finish + KILL_MARGIN_SECONDS

    @property
    def draining(self) -> int:
        """The load balancer's draining time, which counts from the moment that the pod leaves its endpoint group."""
        return min(self.pre_stop + self.finish, DRAINING_SECONDS.stop - 1)


def shutdown(longest_request_seconds: int, pre_stop: int = PRE_STOP_SECONDS) -> Shutdown:
    """The shutdown that cuts no request of that length, as far as a node upgrade waits for it."""
    longest = NODE_UPGRADE_SECONDS - pre_stop - KILL_MARGIN_SECONDS
    return Shutdown(pre_stop=pre_stop, finish=min(longest_request_seconds, longest))
