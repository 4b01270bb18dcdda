"""The plugin's entry point: `python -m sandbox.gcp [ENGINE-ADDRESS]` prints its port and serves."""

from __future__ import annotations

import sys

from sandbox.gcp.provider import Provider
from sandbox.plugin.server import serve

serve(Provider(engine_address=sys.argv[-1] if len(sys.argv) > 1 else ""))
