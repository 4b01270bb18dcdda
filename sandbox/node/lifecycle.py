"""What a container is asked to do before it ends: its preStop hook.

Owns: the meaning of `lifecycle.preStop` on this machine: `sleep` and `httpGet` as on a cluster; of `exec`, the sleeping
that such hooks are written for. Does not own signals, see `process`. Other commands are not run: there is no container
to run them in, and the log says so.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from sandbox.clock import scaled
from sandbox.node.probe_requests import ProbeFailedError, Target, http_get

Object = dict[str, Any]

_SLEEP = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)")


def run_pre_stop(
    container: Object, target: Target, *, limit: float, wait: Callable[[float], object], note: Callable[[str], None]
) -> str | None:
    """Runs the hook, at most `limit` real seconds; returns the kubelet's complaint when it fails.

    `wait` sleeps real seconds and returns early when the process has ended; `note` writes to the container's log.
    """
    hook = _hook(container)
    if "sleep" in hook:
        wait(min(scaled(slept(container)), limit))
    elif "exec" in hook:
        seconds = slept(container)
        if not seconds:
            note(f"preStop is not run here: {' '.join(hook['exec'].get('command', []))}")
        else:
            wait(min(scaled(seconds), limit))
    elif "httpGet" in hook:
        return _ask(hook["httpGet"], target, limit)
    return None


def slept(container: Object) -> float:
    """GKE's seconds that the hook of `container` sleeps."""
    hook = _hook(container)
    if "sleep" in hook:
        return float(hook["sleep"].get("seconds", 0))
    command = " ".join((hook.get("exec") or {}).get("command", []))
    return sum(float(found) for found in _SLEEP.findall(command))


def _hook(container: Object) -> Object:
    return (container.get("lifecycle") or {}).get("preStop") or {}


def _ask(handler: Object, target: Target, limit: float) -> str | None:
    try:
        number = target.port(handler["port"])
        scheme, path = str(handler.get("scheme", "HTTP")).lower(), str(handler.get("path") or "/").lstrip("/")
        headers = {str(item["name"]): str(item.get("value", "")) for item in handler.get("httpHeaders", [])}
        url = f"{scheme}://{handler.get('host') or target.pod_ip}:{number}/{path}"
        asyncio.run(http_get(url, headers, target, limit))
    except ProbeFailedError as error:
        return f"PreStopHook failed: {error}"
    return None
