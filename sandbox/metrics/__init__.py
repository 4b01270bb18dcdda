"""Metrics as autoscalers of a GKE cluster get them: metrics-server, managed Prometheus, the adapter, AutoscalingMetric."""
