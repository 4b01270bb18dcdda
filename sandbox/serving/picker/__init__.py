"""Stand-in for the endpoint picker of an InferencePool (llm-d-router-endpoint-picker).

The real one speaks Envoy's ext_proc on its gRPC port. This one does not: there it serves plain HTTP with JSON on loopback,
for the sandbox's load balancer:

    POST /pick {"model", "prompt" or "body", "candidates": [{"pod", "address", "labels"?}], "headers"?}
      -> {"id", "pod", "address", "scores": {pod: score}, "matches": {pod: blocks}, "saturation"}
    POST /done {"id"}    when the answer to that request has been sent

Why a stand-in at all: the module of llm-d's picker is not served by the Go module proxy. The inference extension's own
picker (v1.5.0) is, but it has neither decode-filter nor load-aware-scorer nor no-hit-lru-scorer, which KServe 0.20's
configurations name. Command line, strict configuration, health service, scorers and defaults are the real one's.
"""
