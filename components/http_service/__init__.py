"""A server that speaks plain HTTP, without KServe: a Deployment, its way to the Gateway, and its scaling.

`HttpInferenceService` is the component; the modules next to it make the objects it consists of.
"""

from __future__ import annotations

from components.http_service.arguments import Endpoints, HttpInferenceServiceArgs, Metric, Scaling, Volume
from components.http_service.service import HttpInferenceService

__all__ = ["Endpoints", "HttpInferenceService", "HttpInferenceServiceArgs", "Metric", "Scaling", "Volume"]
