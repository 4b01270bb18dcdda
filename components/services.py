"""The Google Cloud APIs that the platform calls, switched on before anything that needs them.

Owns the activation of each API. Never switches one off again: other things in the project may use it.
"""

from __future__ import annotations

import pulumi

from components.google import Service

APIS = (
    # Roles on the project are read and granted through it.
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "iam.googleapis.com",
    # The endpoint picker is called through a service extension.
    "networkservices.googleapis.com",
)


class ProjectServices(pulumi.ComponentResource):
    """The APIs of a project."""

    services: list[Service]

    def __init__(self, name: str, *, project: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("platform:index:ProjectServices", name, {"project": project, "apis": list(APIS)}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.services = [
            Service(api.split(".", 1)[0], project=project, service=api, disable_on_destroy=False, opts=child)
            for api in APIS
        ]
        self.register_outputs({})
