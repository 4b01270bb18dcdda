"""The load balancer behind the Gateways of one cluster, on loopback, as a process of its own.

It watches the API server as GKE's Gateway and NEG controllers do, health-checks every endpoint as the policies say, and
forwards requests to healthy ones. What differs from Google's: one connection per forwarded request, no request mirroring,
no rate limits, no Cloud Armor, IAP or traffic extensions, and addresses are local ports (see `state`).
"""
