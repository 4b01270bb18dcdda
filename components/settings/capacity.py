"""How a TPU pool gets its machines, and which choices of a pool exclude each other."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from components.settings.base import Section
from components.settings.checks import refuse
from rules import capacity

RESERVATION = r"^(projects/[a-z][-a-z0-9.:]+/reservations/)?[a-z]([-a-z0-9]*[a-z0-9])?$"


class Capacity(Section):
    """How a pool gets its machines: what they cost, when they come and when they go."""

    type: Literal["on-demand", "spot", "flex-start", "reservation"] = "on-demand"
    """on-demand, spot (cheaper, taken away at 30 seconds' notice), flex-start (waits for machines, which stay at most 7 days)
    or reservation."""
    reservation: Annotated[str, Field(pattern=RESERVATION)] | None = None
    """The reservation to take machines from, as NAME, or projects/PROJECT/reservations/NAME for another project's."""
    max_run_hours: Annotated[int, Field(ge=1, le=capacity.MAX_RUN_HOURS)] | None = None
    """After how many hours flex-start machines go away, at most 168; left out, GKE's 7 days."""
    queued: bool = False
    """Flex-start only: pods get all machines of a ProvisioningRequest at once, through Kueue or another job queue."""

    @model_validator(mode="after")
    def _fields_belong_to_the_type(self) -> Self:
        if self.type == "reservation" and self.reservation is None:
            refuse("reservation", None, "machines come from a reservation that must be named", "the reservation's name")
        if self.type != "reservation" and self.reservation is not None:
            reason = f"a pool with type {self.type} takes no reserved machines"
            refuse("reservation", self.reservation, reason, "type: reservation, or leave it out")
        for name, value in (("maxRunHours", self.max_run_hours), ("queued", self.queued or None)):
            if self.type != "flex-start" and value is not None:
                reason = f"only flex-start has it, and type is {self.type}"
                refuse(name, value, reason, "type: flex-start, or leave it out")
        return self

    @property
    def flex_start(self) -> bool:
        """Whether machines come when there are some, so that the pool starts empty."""
        return self.type == "flex-start"


def refuse_old_spot(raw: Any) -> Any:
    """Refuses the switch that `capacity` replaces, with what to write for it."""
    if isinstance(raw, dict) and "spot" in raw:
        value: Any = raw["spot"]
        instead = "capacity: {type: spot}" if value is True else "nothing: on-demand is the default of capacity"
        refuse("spot", value, "how a pool gets its machines is a choice of several now", instead)
    return raw  # pyright: ignore[reportUnknownVariableType]
