"""The endpoint picker's command line: which flags it knows, and which it refuses.

Owns flags and their defaults as far as something depends on them. Does not own the configuration they point to
(`endpoint_picker.py`). Sources: kubernetes-sigs/gateway-api-inference-extension v1.5.0 (pkg/epp/server/options.go), whose
options llm-d/llm-d-router v0.9.0 took over; kserve/kserve v0.20.0 (config-llm-scheduler.yaml) for what KServe passes.
"""

from __future__ import annotations

from typing import Final

SWITCHES: Final = frozenset(
    {
        "disable-endpoint-subset-filter",
        "enable-cert-reload",
        "enable-grpc-stream-metrics",
        "enable-pprof",
        "ha-enable-leader-election",
        "health-checking",
        "metrics-endpoint-auth",
        "model-server-metrics-https-insecure-skip-verify",
        "secure-serving",
        "tracing",
        "zap-devel",
    }
)
"""Flags that are true without a value; a value needs `=`."""
VALUED: Final = frozenset(
    {
        "cert-path",
        "config-file",
        "config-text",
        "drain-timeout",
        "endpoint-selector",
        "endpoint-target-ports",
        "grpc-health-port",
        "grpc-port",
        "kubeconfig",
        "metrics-port",
        "metrics-staleness-threshold",
        "model-server-metrics-path",
        "model-server-metrics-port",
        "model-server-metrics-scheme",
        "pool-group",
        "pool-name",
        "pool-namespace",
        "refresh-metrics-interval",
        "refresh-prometheus-metrics-interval",
        "v",
        "zap-encoder",
        "zap-log-level",
        "zap-stacktrace-level",
        "zap-time-encoding",
    }
)
"""Flags that need a value."""
REFUSED: Final = frozenset(
    {
        "cache-info-metric",
        "kv-cache-usage-percentage-metric",
        "lora-info-metric",
        "total-queued-requests-metric",
        "total-running-requests-metric",
    }
)
"""Flags that older pickers took. They still parse, and then end the process: metrics are configured as plugins now."""

GRPC_PORT: Final = 9002
HEALTH_PORT: Final = 9003
METRICS_PORT: Final = 9090
POOL_GROUP: Final = "inference.networking.k8s.io"
REFRESH_MILLISECONDS: Final = 50
"""How old a server's metrics may be before they are read again."""

BYTES_PER_TOKEN: Final = 4
DEFAULT_BLOCK_TOKENS: Final = 16
"""How the picker cuts prompts where servers do not say their block size."""
NO_HIT_LRU_SIZE: Final = 1024
ROLE_LABEL: Final = "llm-d.ai/role"
DECODE_ROLES: Final = frozenset({"decode", "prefill-decode", "both", "encode-prefill-decode"})
PREFILL_ROLES: Final = frozenset({"prefill", "encode-prefill", "prefill-decode", "both", "encode-prefill-decode"})
"""Values of the role label that a filter lets through; the decode filter also takes pods without the label
(llm-d/llm-d-router, filter/bylabel/roles.go, 2026-08)."""
