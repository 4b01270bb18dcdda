"""KServe: its release, and how it talks to the servers."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from components.settings.base import Section
from components.settings.checks import check_kserve
from rules.kserve import KSERVE_VERSION


class KServe(Section):
    """KServe: its release, and how it talks to the servers."""

    version: Annotated[str, AfterValidator(check_kserve)] = KSERVE_VERSION
    """Release of KServe's charts; every other part of the stack is tested with the default."""
    backend_tls: bool = False
    """Encrypt between load balancer, endpoint picker and servers: servers, probes, health checks, Service and endpoint
    picker all switch together. Experimental: an InferencePool cannot say that its servers speak TLS
    (gateway-api-inference-extension#1556), so completions past the endpoint picker depend on your GKE release."""
    managed_routes: bool = False
    """Let KServe make the routes instead of this program, from its preset without the timeouts that GKE refuses. Previews and
    policies then do not see the routes, and KServe starts them on a retired group of InferencePool."""
