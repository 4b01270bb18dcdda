"""The host's program: `python -m sandbox.host ENGINE_ADDRESS` prints the port it serves on."""

from __future__ import annotations

import sys

from sandbox.plugin.stubs import load_stubs_alone

load_stubs_alone()

from sandbox.host.language import main  # noqa: E402 - after the stubs

main(sys.argv)
