"""Whether the picker's InferencePool exists, asked of the API server with the rights of the picker's service account.

Owns that one question. The real picker is not ready before it has seen its pool, so a missing pool or a missing role shows
here as it shows on a cluster. The standard library does it: the sandbox's own client would double the picker's memory.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from base64 import b64decode
from pathlib import Path
from typing import Any, cast

from sandbox.serving.picker.flags import Flags


def exists(kubeconfig: Path, flags: Flags) -> str | None:
    """None when the pool is there, else what is wrong."""
    path = f"/apis/{flags.pool_group}/v1/namespaces/{flags.pool_namespace}/inferencepools/{flags.pool_name}"
    try:
        config = cast("dict[str, Any]", json.loads(kubeconfig.read_text()))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = b64decode(cluster["certificate-authority-data"]).decode()
        request = urllib.request.Request(  # noqa: S310 - the API server's https address
            cluster["server"] + path, headers={"authorization": f"Bearer {user['token']}"}
        )
        with urllib.request.urlopen(request, timeout=5, context=ssl.create_default_context(cadata=authority)):  # noqa: S310
            return None
    except urllib.error.HTTPError as error:
        return f'inferencepools "{flags.pool_name}": {error.code} {error.reason}'
    except (OSError, ValueError, KeyError, IndexError) as error:
        return f'inferencepools "{flags.pool_name}": {error}'
