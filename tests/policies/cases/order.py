"""What a route has to wait for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import gateway, health, llm, pool_ref, route, service_ref

POOL: Final = "next-inference-pool"


def second(refs: Any = None, **router: Any) -> Made:
    """The canary's service, which refers to a route of its own."""
    given = [{"name": "next"}] if refs is None else refs
    spec = {"router": {"scheduler": {}, "route": {"http": {"refs": given}}, **router}}
    return kubernetes("serving.kserve.io/v1alpha2", "LLMInferenceService", "next", spec=spec)


def live(*after: Made, pool: Any = POOL, **more: Any) -> Made:
    """The route that shares requests among both."""
    shared = route(pool_ref(), {**pool_ref(pool), "weight": 10}, service_ref(), **more)
    return replace(shared, after=tuple(made.urn for made in after))


OWN: Final = replace(route(pool_ref(POOL), name="next"), after=(second().urn,))
PART: Final = Made("platform:index:TpuModel", "next", {})
LATER: Final = replace(health(name="later"), after=(OWN.urn,))
IN_ANOTHER_RULE: Final = Made(
    OWN.token,
    "qwen",
    {
        **route().props,
        "spec": {"rules": [{"backendRefs": [pool_ref()]}, {"backendRefs": [service_ref(), pool_ref(POOL)]}]},
    },
)

CASES: Final[Cases] = {
    "inference-pool-order": [
        fail("pool-order", f"spec.rules[0].backendRefs[1].name is '{POOL}'", llm(), second(), OWN, live(second())),
        fail("pool-order", "only once HTTPRoute models/next exists", llm(), second(), OWN, live(llm())),
        fail(
            "pool-order",
            "holds up every route of the Gateway",
            llm(),
            second(),
            replace(OWN, after=(live().urn,)),
            live(),
        ),
        fail("pool-order", "spec.rules[1].backendRefs[1].name", llm(), second(), OWN, IN_ANOTHER_RULE),
        fail(
            "pool-order pool-order",
            "'qwen-inference-pool'",
            *(llm(), route(), second(), OWN),
            live(gateway(), name="both"),
        ),
        missing("pool-order", "Let it depend on HTTPRoute models/next", llm(), second(), OWN, live()),
        missing("", "", llm(), second(), live(second())),
        missing("", "", llm(), OWN, live(llm())),
        unknown("undecided", "spec.router.route.http.refs is '(unknown)'", llm(), second(UNKNOWN), OWN, live(llm())),
        unknown("undecided", "refs[0].name is '(unknown)'", llm(), second([{"name": UNKNOWN}]), OWN, live(llm())),
        unknown("undecided", "backendRefs[1].name is '(unknown)'", llm(), second(), OWN, live(llm(), pool=UNKNOWN)),
        unknown("", "", llm(), second([{"name": UNKNOWN}]), OWN, live(OWN)),
        unknown("", "", llm(), second(), OWN, live(OWN, pool=UNKNOWN)),
        good(llm(), second(), OWN, live(OWN)),
        good(llm(), second(), OWN, LATER, live(LATER)),
        good(llm(), second(), PART, replace(OWN, parent=PART.urn), live(PART)),
        good(llm(), second(), OWN, replace(PART, after=(OWN.urn,)), replace(live(), parent=PART.urn)),
        near(llm(), second(), OWN, route(pool_ref(), service_ref())),
        near(llm(), second([{"name": "qwen"}]), OWN, live(second())),
        near(llm(), second(route={}), OWN, live(second())),
        near(llm(), second(scheduler=None), OWN, live(second())),
        near(llm(), second(scheduler={"pool": {"ref": {"name": POOL}}}), OWN, live(second())),
        near(llm(), second(), OWN, live(second(), pool="other-inference-pool")),
        near(llm(), second(), replace(OWN, after=()), live()),
    ],
}
