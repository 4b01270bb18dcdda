"""What is measured, and when somebody is told.

`PlatformMonitoring` is the component; the modules next to it make the objects it consists of.
"""

from __future__ import annotations

from components.monitoring.component import PlatformMonitoring, PlatformMonitoringArgs

__all__ = ["PlatformMonitoring", "PlatformMonitoringArgs"]
