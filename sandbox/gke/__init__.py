"""GKE's own controllers and CRDs, simulated as far as their results can be seen in the Kubernetes API."""
