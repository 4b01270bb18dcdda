"""Google's own APIs on the simulated cloud's port, as far as tools that operate a platform ask them.

    /compute/v1/…   machine and accelerator types, zones, regions, backend services and their health, health checks, rules
    /v1/…           Kubernetes Engine: server config, clusters, node pools, operations; Cloud Quotas: TPU quotas
    /v2/…           Cloud TPU: locations, accelerator types
    /v3/…, /v1/…    Cloud Monitoring: alert policies and notification channels, dashboards

Read only: what changes something is the simulated provider's own API (`sandbox.cloud.server`). Names, shapes and errors are
Google's, so that its client libraries and `gcloud` work with a changed endpoint; the token is an access token to them.
"""
