"""Flags that vLLM does not have."""

from __future__ import annotations

from typing import Any, Final

from rules.vllm_flags import VERSION
from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.cases.parts import on_tpu
from tests.policies.harness import UNKNOWN, Made
from tests.policies.objects import deployment, selector, server

LISTED: Final = f"vllm/vllm-tpu:v{VERSION}"
TYPO: Final = "--max-model-length=8192"


def serving(*arguments: Any, image: Any = LISTED, **container: Any) -> Made:
    """A server with these arguments beside its own."""
    return on_tpu(server(image=image, args=["--served-model-name=qwen", "-tp=4", *arguments], **container))


def scripted(script: str) -> Made:
    """A server that a shell starts."""
    return on_tpu(server(image=LISTED, command=["/bin/bash", "-c"], args=[script]))


def extra(text: Any, name: str = "VLLM_ADDITIONAL_ARGS") -> Made:
    """A server with further arguments in its environment."""
    return serving(env=[{"name": name, "value": text}])


CASES: Final[Cases] = {
    "tpu-workload": [
        fail(
            "flag",
            f"args[2] is '{TYPO}': vLLM {VERSION} does not know this flag: it ends with 'unrecognized arguments' and the pod "
            "crash-loops. Did you mean --max-model-len?",
            serving(TYPO),
        ),
        fail("flag", "command[3] is '--enforce-eagre'", serving(command=["vllm", "serve", "m", "--enforce-eagre"])),
        fail("flag", f"is '{TYPO}'", scripted(f"set -e; exec vllm serve m --port 8000 \\\n {TYPO} && sleep 1")),
        fail("flag", "env[VLLM_ADDITIONAL_ARGS] is '--tensor-paralel'", extra("--seed=1 --tensor-paralel 4")),
        fail("flag", f"is '{TYPO}'", serving(TYPO, image=f"registry.acme.io/vllm/vllm-tpu:v{VERSION}")),
        fail("flag", f"is '{TYPO}'", serving(TYPO, command=["python3", "-m", "vllm.entrypoints.openai.api_server"])),
        fail("flag", f"is '{TYPO}'", deployment(server(image=LISTED, args=[TYPO]), nodeSelector=selector("2x2"))),
        fail("flag", "vLLM has no --swap-space", serving("--swap-space=4")),
        missing("", "", serving(command=None)),
        missing("", "", on_tpu(server(image=LISTED, args=None))),
        missing("", "", serving(TYPO, image=None)),
        unknown("", "", serving(UNKNOWN)),
        unknown("flag", f"is '{TYPO}'", serving(UNKNOWN, TYPO)),
        unknown("", "", serving(TYPO, image=UNKNOWN)),
        unknown("", "", extra(UNKNOWN)),
        good(serving("--max-model-len=8192", "--no-enable-prefix-caching", "--override-generation-config", "{}")),
        good(scripted("vllm serve m --max-model-len=8192 | tee --append /log")),
        near(serving(TYPO, image="vllm/vllm-tpu:v9.9.9")),
        near(serving(TYPO, image="acme/vllm:v1")),
        near(serving("--max_model_len", "8192", "--seed", "-1")),
        near(extra("--not-a-flag", name="OTHER_ARGS")),
        near(on_tpu(server(image=LISTED, command=["/bin/start", "--of-its-own"], args=["--not-vllm"]))),
        near(scripted("vllm serve 'unclosed --foo")),
    ],
}
