"""The Google Cloud APIs that the platform calls, switched on before anything that needs them.

Owns the activation of each API, and GKE's service agent where something has to be granted to it or to the project's number,
which its address holds. Never switches an API off again: other things in the project may use it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.google import Service, ServiceIdentity
from rules import encryption

APIS = (
    # Roles on the project are read and granted through it.
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "iam.googleapis.com",
    # The endpoint picker is called through a service extension.
    "networkservices.googleapis.com",
)
"""What every stack calls."""


class ProjectServices(pulumi.ComponentResource):
    """The APIs of a project.

    Attributes:
        services: Each API, the ones of every stack and the further ones.
        gke_agent: Address of GKE's service agent, where it was asked for.
        project_number: The project's number, where the agent was asked for.
    """

    services: list[Service]
    gke_agent: pulumi.Output[str] | None
    project_number: pulumi.Output[str] | None

    def __init__(
        self,
        name: str,
        *,
        project: str,
        further: Sequence[str] = (),
        agent: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        apis = [*APIS, *(api for api in dict.fromkeys(further) if api not in APIS)]
        super().__init__("platform:index:ProjectServices", name, {"project": project, "apis": apis}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.services = [
            Service(api.split(".", 1)[0], project=project, service=api, disable_on_destroy=False, opts=child)
            for api in apis
        ]
        self.gke_agent = self.project_number = None
        if agent:
            identity = ServiceIdentity(
                "gke-agent",
                project=project,
                service="container.googleapis.com",
                opts=pulumi.ResourceOptions(parent=self, depends_on=self.services),
            )
            self.gke_agent = identity.email
            self.project_number = identity.email.apply(encryption.gke_agent_number)
        self.register_outputs({})
