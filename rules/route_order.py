"""When a route may name an InferencePool that KServe makes.

KServe makes a service's InferencePool only once the routes exist that the service refers to: `validateRouterReferences` comes
before `reconcileScheduler` in its controller (llmisvc/router.go at v0.20.0, read 2026-11). GKE programs a Gateway as a whole: a
route that names a pool that does not exist holds up every other route of it (seen in the field reports; GKE's Gateway guide,
2026). For a service's own route these are the seconds until KServe has seen it; a route to several pools, such as the live one
of a canary, must not name the others before theirs are there.
"""

from __future__ import annotations

from typing import Final

from rules.finding import Finding

QUESTION: Final = "whether this route names an InferencePool before KServe makes it"


def check_pool_order(path: str, pool: str, own_route: str) -> Finding:
    """The finding for a pool of another service among several, when nothing waits for that service's own route.

    Args:
        path: Field of the backend's name.
        pool: Name of the InferencePool.
        own_route: The route that its service refers to, as a message names it.
    """
    return Finding(
        path=path,
        value=pool,
        reason=f"KServe makes this pool only once {own_route} exists, and this route to several pools does not wait for it: "
        "until then it names a pool that is not there, which holds up every route of the Gateway",
        remedy=f"Let it depend on {own_route}, and let that be awaited.",
        rule="pool-order",
    )
