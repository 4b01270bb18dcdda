"""The plugin's entry point: `python -m sandbox.gcp [ENGINE-ADDRESS]` prints its port and serves."""

from __future__ import annotations

import sys

from sandbox.plugin.stubs import load_stubs_alone

load_stubs_alone()

from pulumi.runtime.proto import provider_pb2_grpc  # noqa: E402 - after the stubs

from sandbox.gcp.provider import Provider  # noqa: E402 - after the stubs
from sandbox.plugin.server import serve  # noqa: E402 - after the stubs

serve(
    provider_pb2_grpc.add_ResourceProviderServicer_to_server,
    Provider(engine_address=sys.argv[-1] if len(sys.argv) > 1 else ""),
)
