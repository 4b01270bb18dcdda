"""The node agent: a small kubelet for the simulated VMs of a cluster."""
