"""Stand-in for GKE's login command `gke-gcloud-auth-plugin`: hands out the sandbox's own token.

The real command exchanges the caller's Google credentials for a token of a few minutes. The clusters of the sandbox accept
one token, which was made on this machine and is worth nothing elsewhere.
"""

from __future__ import annotations

import json
import sys

from sandbox.home import sandbox_home


def main() -> int:
    """Prints an ExecCredential; 1 where there is no sandbox."""
    path = sandbox_home() / "token"
    if not path.exists():
        sys.stderr.write(f"no sandbox at {path.parent}: run make up first\n")
        return 1
    answer = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "kind": "ExecCredential",
        "status": {"token": path.read_text().strip()},
    }
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
