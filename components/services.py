"""The Google Cloud APIs that the platform calls, switched on before anything that needs them.

Owns the activation of each API, and service agents where something has to be granted to them: GKE's, whose address holds the
project's number, and the one that calls out for load balancers. Google makes an agent when its API is first used, and a role for
one that does not exist yet is refused. Never switches an API off again: other things in the project may use it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from components.google import Service, ServiceIdentity
from rules import encryption
from rules.edge import EXTENSIONS_API

APIS = (
    # Roles on the project are read and granted through it.
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "iam.googleapis.com",
    # The endpoint picker is called through a service extension.
    EXTENSIONS_API,
)
"""What every stack calls."""


class ProjectServices(pulumi.ComponentResource):
    """The APIs of a project.

    Attributes:
        services: Each API, the ones of every stack and the further ones.
        gke_agent: Address of GKE's service agent, where it was asked for.
        project_number: The project's number, where the agent was asked for.
        extensions_agent: What makes the agent that calls out for load balancers, where it was asked for.
    """

    services: list[Service]
    gke_agent: pulumi.Output[str] | None
    project_number: pulumi.Output[str] | None
    extensions_agent: ServiceIdentity | None

    def __init__(
        self,
        name: str,
        *,
        project: str,
        further: Sequence[str] = (),
        agent: bool = False,
        extensions: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        apis = [*APIS, *(api for api in dict.fromkeys(further) if api not in APIS)]
        super().__init__("platform:index:ProjectServices", name, {"project": project, "apis": apis}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.services = [
            Service(api.split(".", 1)[0], project=project, service=api, disable_on_destroy=False, opts=child)
            for api in apis
        ]
        after = pulumi.ResourceOptions(parent=self, depends_on=self.services)
        self.gke_agent = self.project_number = self.extensions_agent = None
        if extensions:
            self.extensions_agent = ServiceIdentity(
                "extensions-agent", project=project, service=EXTENSIONS_API, opts=after
            )
        if agent:
            identity = ServiceIdentity("gke-agent", project=project, service="container.googleapis.com", opts=after)
            self.gke_agent = identity.email
            self.project_number = identity.email.apply(encryption.gke_agent_number)
        self.register_outputs({})
