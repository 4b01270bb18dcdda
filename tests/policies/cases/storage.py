"""Disks that pods share."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import deployment


def claim(*modes: Any, name: str = "models", namespace: str = "models", class_name: Any = "") -> Made:
    """A PersistentVolumeClaim of these access modes."""
    chosen = class_name or ("standard-rwx" if "ReadWriteMany" in modes else "standard-rwo")
    given = {} if class_name is None else {"storageClassName": chosen}
    spec = {**given, "accessModes": list(modes), "resources": {"requests": {"storage": "100Gi"}}}
    return kubernetes("v1", "PersistentVolumeClaim", name, namespace, spec=spec)


def mounting(replicas: Any = 1, strategy: Any = "Recreate", name: Any = "models") -> Made:
    """A Deployment whose pods hold that claim."""
    made = deployment(replicas=replicas, volumes=[{"name": "models", "persistentVolumeClaim": {"claimName": name}}])
    if strategy is not None:
        made.props["spec"]["strategy"] = {"type": strategy}
    return made


def scaled(high: Any, name: str = "api") -> Made:
    """An autoscaler of that Deployment."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": high}
    return kubernetes("autoscaling/v2", "HorizontalPodAutoscaler", "api", spec=spec)


CASES: Final[Cases] = {
    "volume-sharing": [
        fail("class", "specified multi writer", claim("ReadWriteMany", class_name="premium-rwo")),
        missing("class", "standard-rwo makes disks", claim("ReadWriteMany", class_name=None)),
        unknown("", "", claim("ReadWriteMany", class_name=UNKNOWN)),
        near(claim("ReadWriteMany", class_name="our-nfs")),
        fail("single-writer", "asks for 2 pods", claim("ReadWriteOnce"), mounting(2)),
        fail("single-writer", "HorizontalPodAutoscaler", claim("ReadWriteOnce"), mounting(None), scaled(4)),
        fail("single-writer", "Multi-Attach error", claim("ReadWriteOncePod"), mounting(3, "RollingUpdate")),
        fail("rollout", "strategy.type is 'RollingUpdate'", claim("ReadWriteOnce"), mounting(1, "RollingUpdate")),
        missing("rollout", "strategy.type is missing", claim("ReadWriteOnce"), mounting(None, None)),
        missing("", "", mounting(4)),
        unknown("undecided", "spec.replicas is '(unknown)'", claim("ReadWriteOnce"), mounting(UNKNOWN)),
        unknown("undecided", "claimName is '(unknown)'", claim("ReadWriteOnce"), mounting(2, name=UNKNOWN)),
        unknown("undecided", "accessModes", claim(UNKNOWN), mounting(2)),
        unknown("undecided", "maxReplicas", claim("ReadWriteOnce"), mounting(None), scaled(UNKNOWN)),
        good(claim("ReadWriteOnce"), mounting()),
        good(claim("ReadWriteMany"), mounting(4, "RollingUpdate")),
        good(claim("ReadWriteOnce"), mounting(None), scaled(1)),
        near(claim("ReadWriteOnce", "ReadWriteMany"), mounting(4, "RollingUpdate")),
        near(claim("ReadWriteOnce", namespace="other"), mounting(4)),
        near(claim("ReadWriteOnce"), mounting(1), scaled(8, "other")),
    ],
}
