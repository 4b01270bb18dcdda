"""The stacks that faults are put into: what the repository deploys, and production with most options turned on.

Owns which settings those are. `options` exists because nothing committed uses compute classes, the edge's protection,
autoscaling by metrics, TLS to the servers and shared weights, and each of them has policies.
"""

from __future__ import annotations

import functools
from typing import Any, Final

import yaml

from sandbox.home import CHECKOUT
from tests.committed import committed
from tests.components.recording import KEY, Graph, build
from tests.policies.harness import Made, declared

DEV: Final = "dev"
PROD: Final = "prod"
SERVICES: Final = "http-services"
OPTIONS: Final = "options"
STACKS: Final = (DEV, PROD, SERVICES, OPTIONS)
_EXAMPLE: Final = CHECKOUT / "examples" / SERVICES / f"Pulumi.{SERVICES}.yaml"
_SHAPE: Final = {"machineType": "ct6e-standard-4t", "topology": "2x2", "maxSlices": 4}


def settings(stack: str) -> dict[str, Any]:
    """The settings of a stack, free to be changed."""
    if stack == SERVICES:
        return yaml.safe_load(_EXAMPLE.read_text())["config"][KEY]
    return _options() if stack == OPTIONS else committed(stack)


def graph(stack: str, *, preview: bool) -> Graph:
    """What the program registers for a stack."""
    return build(settings(stack), stack=PROD if stack == OPTIONS else stack, preview=preview)


@functools.cache
def program(stack: str) -> tuple[Made, ...]:
    """What the program declares for a stack, as the policies see it during an update."""
    return declared(graph(stack, preview=False))


def _options() -> dict[str, Any]:
    found: dict[str, Any] = committed(PROD)
    found["tpuPools"] = [
        {"name": "v6e-spot", **_SHAPE, "capacity": {"type": "spot"}},
        {"name": "v6e-on-demand", **_SHAPE},
    ]
    found["computeClasses"] = [{"name": "v6e", "pools": ["v6e-spot", "v6e-on-demand"]}]
    found["cluster"]["minimumVersion"] = "1.35"
    found["kserve"] = {"backendTls": True}
    found["secrets"] = {"huggingFaceToken": {"secret": "hf-token"}}
    found["edge"] = {
        "cloudArmor": {"requestsPerMinute": 600},
        "iap": {
            "clientId": "123456789012-abc.apps.googleusercontent.com",
            "clientSecret": {"secret": "iap"},
            "members": ["group:users@example.com"],
        },
        "modelArmor": {"template": "guard"},
    }
    found["gateway"]["hostnames"] = ["models.example.com"]
    model = found["models"][0]
    model.pop("replicas", None)
    model |= {
        "pool": "v6e",
        "autoscaling": {"maxReplicas": 4, "source": "managed-prometheus"},
        "weights": {"cache": "persistentVolume"},
    }
    return found
