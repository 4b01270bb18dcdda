"""What the real APIs answer when something goes wrong on their side, in their words.

Sources: errors quoted in issues of hashicorp/terraform-provider-google (#6287, #10121: GCE_STOCKOUT) and by operators
(insufficient regional quota, incompatible operation; a grant on a secret that does not exist), the texts its retry predicates
look for (2026-10).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from sandbox.cloud.errors import CloudError
from sandbox.cloud.names import last, number_of

_SERVICES: Final = {"container": "container.googleapis.com", "iam": "iam.googleapis.com"}
_TITLES: Final = {500: "Internal error encountered.", 502: "Bad Gateway", 504: "Deadline exceeded."}


@dataclass(frozen=True, kw_only=True)
class Target:
    """The resource a request or operation is about. `places` are its zones and regions, zones first."""

    type: str
    id: str
    project: str
    places: tuple[str, ...] = ()
    machine_type: str = ""

    @property
    def name(self) -> str:
        """Its own name."""
        return last(self.id)


def stockout(target: Target, message: str | None, zone: str) -> CloudError:
    """No machines in the zone: what a node pool's operation, and then the pool's status message, say."""
    group = f"gke-{target.name}-{_hash(target.id)}"
    text = message or (
        "Google Compute Engine: Not all instances running in IGM after 1m6s. Expected 1, running 0, transitioning 1. Current "
        f"errors: [GCE_STOCKOUT]: Instance '{group}' creation failed: The zone 'projects/{target.project}/zones/{zone}' does "
        "not have enough resources available to fulfill the request. Try a different zone, or try again later."
    )
    return CloudError(500, text, "GCE_STOCKOUT")


def degraded(target: Target, message: str | None) -> str:
    """The status message of a cluster that came up damaged."""
    return message or (
        f"[UNHEALTHY_CONTROL_PLANE]: the control plane of cluster {target.name} is not healthy: some of its components do "
        "not respond. GKE tries to repair it."
    )


def quota_exceeded(target: Target, message: str | None) -> CloudError:
    """A quota of the project that does not go away by waiting."""
    if target.type.startswith("container."):
        resource = "TPUS_PER_TPU_FAMILY" if target.machine_type.startswith(("ct", "tpu")) else "CPUS"
        text = (
            f"Insufficient regional quota to satisfy request: resource \"{resource}\": request requires '4.0' and is short "
            "'4.0'. project has a quota of '0.0' with '0.0' available. View and manage quotas at "
            f"https://console.cloud.google.com/iam-admin/quotas?usage=USED&project={target.project}."
        )
        return CloudError(403, message or text, "forbidden")
    metric = _snake(target.type.rsplit(".", 1)[-1])
    return CloudError(403, message or f"Quota '{metric}' exceeded.  Limit: 0.0 globally.", "quotaExceeded")


def rate_limit(target: Target, message: str | None, code: int) -> CloudError:
    """Too many requests a minute; Compute Engine answers 403 for it where others answer 429."""
    service = _service(target.type)
    text = (
        "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute' of service "
        f"'{service}' for consumer 'project_number:{number_of(target.project)}'."
    )
    consumer = f"projects/{number_of(target.project)}"
    return CloudError(code, message or text, "rateLimitExceeded", {"service": service, "consumer": consumer})


def operation_in_progress(target: Target, message: str | None) -> CloudError:
    """409: somebody else's operation has the resource."""
    return CloudError(409, message or _incompatible(target), "operationInProgress")


def cluster_busy(target: Target, message: str | None) -> CloudError:
    """400: the form in which GKE says that the cluster is occupied."""
    return CloudError(400, message or _incompatible(target), "failedPrecondition")


def server_error(message: str | None, code: int) -> CloudError:
    """A failure of the API itself."""
    text = message or _TITLES.get(code, "The service is currently unavailable.")
    return CloudError(code, text, "internalError" if code == 500 else "backendError")


def permission_denied(target: Target, message: str | None, verb: str) -> CloudError:
    """What IAM says to a caller without the permission."""
    permission = f"{target.type}.{ {'read': 'get'}.get(verb, verb) }"
    return CloudError(403, message or f"Required '{permission}' permission for '{target.id}'", "forbidden")


def secret_not_found(target: Target, message: str | None) -> CloudError:
    """What Secret Manager says to whoever asks for the IAM policy of a secret that does not exist."""
    secret = target.id.split("/")[3]
    return CloudError(404, message or f"Secret [projects/{number_of(target.project)}/secrets/{secret}] not found.", "")


def _incompatible(target: Target) -> str:
    return f"Cluster is running incompatible operation operation-{number_of(target.id, 13)}-{_hash(target.id)}."


def _service(kind: str) -> str:
    group = kind.split(".", 1)[0]
    return _SERVICES.get(group, f"{group}.googleapis.com")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _snake(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter for letter in name).upper()
