"""The plugin's program: `python -m sandbox.kubernetes ENGINE_ADDRESS` prints the port it serves on."""

from __future__ import annotations

import sys

from sandbox.plugin.stubs import load_stubs_alone

load_stubs_alone()

from sandbox.kubernetes.provider import KubernetesProvider  # noqa: E402 - after the stubs
from sandbox.plugin.server import serve  # noqa: E402 - after the stubs

serve(KubernetesProvider(engine_address=sys.argv[1] if len(sys.argv) > 1 else None))
