"""A real Kubernetes control plane for each simulated GKE cluster."""
