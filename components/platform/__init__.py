"""From settings to components: which setting becomes which argument, and what has to wait for what.

Owns the wiring alone, one function a part, so that the program itself can be read as a table of contents.
"""

from __future__ import annotations

from components.platform.google_cloud import cluster, google_cloud, network, services, tpu_pools
from components.platform.kubernetes import controllers, gateway
from components.platform.serving import models

__all__ = ["cluster", "controllers", "gateway", "google_cloud", "models", "network", "services", "tpu_pools"]
