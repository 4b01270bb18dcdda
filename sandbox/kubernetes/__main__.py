"""The plugin's program: `python -m sandbox.kubernetes ENGINE_ADDRESS` prints the port it serves on."""

from __future__ import annotations

import sys

from sandbox.plugin.stubs import load_stubs_alone

load_stubs_alone()

from pulumi.runtime.proto import provider_pb2_grpc  # noqa: E402 - after the stubs

from sandbox.kubernetes.provider import KubernetesProvider  # noqa: E402 - after the stubs
from sandbox.plugin.server import serve  # noqa: E402 - after the stubs

provider = KubernetesProvider(engine_address=sys.argv[1] if len(sys.argv) > 1 else None)
serve(provider_pb2_grpc.add_ResourceProviderServicer_to_server, provider)
