"""Stand-in for inference servers that speak plain HTTP: declared endpoints, service time, metrics, faults on demand."""
