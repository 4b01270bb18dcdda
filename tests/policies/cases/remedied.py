"""Cases of the policy that is there because its finding can be remedied where it stands."""

from __future__ import annotations

from typing import Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import deployment, llm, selector, server


def base(label: object) -> Made:
    """A base configuration of services with that accelerator."""
    return kubernetes(
        "serving.kserve.io/v1alpha2",
        "LLMInferenceServiceConfig",
        "tpu",
        spec={"template": {"nodeSelector": selector("2x2", label)}},
    )


CASES: Final[Cases] = {
    "tpu-accelerator-label": [
        fail(
            "accelerator",
            "Write tpu-v6e-slice.",
            deployment(server(), nodeSelector=selector("2x2", "tpu-v6e")),
        ),
        fail("accelerator", "no node with it", llm(template={"nodeSelector": selector("2x2", "ct6e-standard-4t")})),
        fail("accelerator", "spec.template.nodeSelector", base("tpu-v6e")),
        good(llm()),
        good(base("tpu-v6e-slice")),
        near(deployment(server(), nodeSelector={"cloud.google.com/gke-accelerator": "tpu-v6e"})),
        missing("", "", deployment(server())),
        unknown("undecided", "whether any node has this label", base(UNKNOWN)),
    ],
}
