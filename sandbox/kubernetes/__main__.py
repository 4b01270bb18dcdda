"""The plugin's program: `python -m sandbox.kubernetes ENGINE_ADDRESS` prints the port it serves on."""

from __future__ import annotations

import sys

from sandbox.kubernetes.stubs import load_stubs_alone


def main() -> None:
    """Serves until the engine ends the process."""
    load_stubs_alone()
    from sandbox.kubernetes.provider import KubernetesProvider  # noqa: PLC0415 - after the stubs
    from sandbox.plugin.server import serve  # noqa: PLC0415

    serve(KubernetesProvider(engine_address=sys.argv[1] if len(sys.argv) > 1 else None))


main()
