"""The simulated Google Cloud: one daemon that owns resources, long-running operations and the clusters' processes."""
