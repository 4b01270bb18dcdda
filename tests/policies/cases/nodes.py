"""Cases of the policies on node pools that judge them together with something else."""

from __future__ import annotations

from typing import Any, Final

from tests.policies.cases.case import Cases, fail, good, missing, near, unknown
from tests.policies.harness import UNKNOWN, Made, kubernetes
from tests.policies.objects import deployment, llm, node_pool, selector, server

CLASS = "cloud.google.com/compute-class"
BOUND: Final = {
    "nodeConfig__labels": {CLASS: "v6e"},
    "nodeConfig__taints": [{"key": CLASS, "value": "v6e", "effect": "NO_SCHEDULE"}],
    "autoscaling": {"minNodeCount": 0, "maxNodeCount": 3},
    "nodeCount": None,
}


def member(name: str, **changes: Any) -> Made:
    """A pool of class v6e."""
    made = node_pool(**{**BOUND, "name": name, **changes})
    return Made(made.token, name, made.props)


def compute_class(*rules: Any, name: str = "v6e", **spec: Any) -> Made:
    """A class that tries pools a and b, unless other rules are given."""
    priorities = list(rules) or [{"nodepools": ["a"]}, {"nodepools": ["b"]}]
    body = {"priorities": priorities, "whenUnsatisfiable": "DoNotScaleUp", **spec}
    made = kubernetes("cloud.google.com/v1", "ComputeClass", name, spec=body)
    return Made(made.token, name, {**made.props, "metadata": {"name": name}})


A, B = member("a"), member("b", nodeConfig__spot=True)

CASES: Final[Cases] = {
    "compute-class": [
        fail("no-pool", "no node pool of this name", A, compute_class()),
        fail("binding", "nodeConfig.labels", A, member("b", nodeConfig__labels={CLASS: "other"}), compute_class()),
        fail("binding", f"{CLASS}=v6e:NoSchedule", A, member("b", nodeConfig__taints=None), compute_class()),
        fail("shape", "one topology", A, member("b", nodeConfig__machineType="ct6e-standard-8t"), compute_class()),
        fail("unsatisfiable", "which have no TPU", A, B, compute_class(whenUnsatisfiable="ScaleUpAnyway")),
        fail("priorities", "no other field", A, compute_class({"nodepools": ["a"], "spot": True})),
        fail("name", "for its own classes", compute_class({"machineFamily": "n4"}, name="gke-v6e")),
        missing("fixed-size", "adds none", A, member("b", autoscaling=None, nodeCount=1), compute_class()),
        missing(
            "binding binding",
            "is missing",
            A,
            member("b", nodeConfig__taints=None, nodeConfig__labels=None),
            compute_class(),
        ),
        unknown("undecided", "which node pools", A, B, compute_class({"nodepools": [UNKNOWN]})),
        unknown("", "", A, member("b", nodeConfig__taints=UNKNOWN, autoscaling=UNKNOWN), compute_class()),
        unknown("", "", A, member(UNKNOWN), compute_class()),
        good(A, B, compute_class()),
        good(A, B, compute_class({"nodepools": ["a", "b"]}, activeMigration={"optimizeRulePriority": True})),
        near(compute_class()),
        near(A, kubernetes("example.com/v1", "ComputeClass", "gke-x", spec={"priorities": [{"nodepools": ["z"]}]})),
        near(node_pool(), compute_class({"machineFamily": "n4", "spot": True}, whenUnsatisfiable="ScaleUpAnyway")),
    ],
}


def serving(uri: Any, *arguments: Any, topology: str = "2x2", chips: int = 4, **spec: Any) -> Made:
    """An LLMInferenceService of that model on v6e."""
    count = {"google.com/tpu": chips}
    container = server(
        args=["--served-model-name=qwen", f"--tensor-parallel-size={chips}", *arguments],
        resources={"requests": count, "limits": count},
    )
    template = {"nodeSelector": selector(topology), "containers": [container]}
    return llm(None, **{"model": {"uri": uri, "name": "qwen"}, "template": template, **spec})


def alone(*command: str) -> Made:
    """A Deployment of vLLM on one chip, its model on the command line."""
    return deployment(
        server(command=["vllm", "serve", *command], args=None, resources={"limits": {"google.com/tpu": 1}}),
        nodeSelector=selector("1x1"),
    )


def sized(gigabytes: Any, name: str = "v6e") -> Made:
    """A pool with a boot disk of that size."""
    made = node_pool(name=name, nodeConfig__bootDisk={"sizeGb": gigabytes})
    return Made(made.token, name, made.props)


def asking(requests: dict[str, Any]) -> Made:
    """A Deployment of vLLM on four chips that asks for more than those."""
    count = {"google.com/tpu": 4}
    return deployment(
        server(resources={"requests": {**count, **requests}, "limits": count}), nodeSelector=selector("2x2")
    )


def on_pool(name: str) -> Made:
    """The large model on one pool by name."""
    container = server(args=["--tensor-parallel-size=4", "--quantization=fp8"])
    where = {**selector("2x2"), "cloud.google.com/gke-nodepool": name}
    return serving(BIG, template={"nodeSelector": where, "containers": [container]})


BIG: Final = "hf://meta-llama/Llama-3.3-70B-Instruct"
LARGE: Final = serving(BIG, "--quantization=fp8")

CASES["model-memory"] = [
    fail("weights", "130 GiB of weights", serving("hf://meta-llama/Llama-3.3-70B-Instruct")),
    fail(
        "weights",
        "spec.model.uri is 'hf://meta-llama/Llama-3.1-405B-Instruct': 405 billion parameters",
        serving("hf://meta-llama/Llama-3.1-405B-Instruct"),
    ),
    fail("weights", "spec.model.uri", serving("hf://org/some-model-65b", "--gpu-memory-utilization=0.5")),
    fail("weights", "out of memory while it loads", alone("meta-llama/Llama-3.1-70B")),
    fail("kv-cache", "the KV cache holds", alone("meta-llama/Llama-3.1-8B-Instruct", "--max-model-len=131072")),
    missing("", "", llm(None, template={})),
    missing("", "", serving("pvc://models/ours")),
    unknown("undecided", "fit the chips", serving(UNKNOWN)),
    good(serving("hf://Qwen/Qwen2.5-3B-Instruct", "--max-model-len=8192")),
    good(serving("hf://meta-llama/Llama-3.3-70B-Instruct", topology="2x4", chips=8)),
    fail("boot-disk", "loads 130 GiB of weights or more", sized(200), LARGE),
    fail("boot-disk", "Write 270 or more", sized(100), sized(150, "b"), LARGE),
    fail("boot-disk", "asks for 80 GiB", node_pool(), asking({"ephemeral-storage": "80Gi"})),
    missing("boot-disk", "nodeConfig.bootDisk.sizeGb", node_pool(), LARGE),
    missing("", "", LARGE),
    missing("", "", node_pool(), serving("hf://ours/mystery")),
    unknown("undecided", "loads 130 GiB of weights or more there", sized(UNKNOWN), LARGE),
    unknown("", "", sized(UNKNOWN), asking({"ephemeral-storage": UNKNOWN})),
    good(sized(270), LARGE),
    good(sized(100), asking({"ephemeral-storage": "40Gi"})),
    near(sized(100), sized(300, "b"), LARGE),
    near(sized(UNKNOWN), sized(300, "b"), LARGE),
    near(sized(100), sized(300, "b"), on_pool("b")),
    near(node_pool(nodeConfig__ephemeralStorageLocalSsdConfig={"localSsdCount": 4}), LARGE),
    near(node_pool(nodeConfig__diskSizeGb=300), LARGE),
    near(node_pool(nodeConfig__machineType="ct6e-standard-8t"), LARGE),
    near(sized(100), serving(BIG, "--quantization=fp8", storageInitializer={"enabled": False})),
    near(sized(100), serving("pvc://weights/llama-70b", "--quantization=fp8")),
    near(serving("hf://meta-llama/Llama-3.3-70B-Instruct", "--quantization=fp8")),
    near(serving("hf://Qwen/Qwen3-30B-A3B")),
    near(alone("meta-llama/Llama-3.1-8B-Instruct", "--max-model-len=131072", "--kv-cache-dtype=fp8")),
]


def named(name: str) -> Made:
    """A model from a volume, served under that name."""
    made = serving("pvc://models/ours")
    spec = made.props["spec"]
    return Made(made.token, made.name, {**made.props, "spec": {**spec, "model": {**spec["model"], "name": name}}})


CASES["model-size-unknown"] = [
    fail(
        "unknown-size",
        "spec.model.uri is 'hf://acme/foo': this tells no number of parameters",
        serving("hf://acme/foo"),
    ),
    fail("unknown-size", "nobody has checked that the weights fit", serving("pvc://models/ours")),
    fail("unknown-size", "exempt this finding with what you found", alone("acme/foo")),
    missing("", "", llm(None, template={})),
    unknown("", "", serving(UNKNOWN)),
    good(serving("hf://Qwen/Qwen2.5-3B-Instruct")),
    good(alone("meta-llama/Llama-3.1-70B")),
    near(serving("hf://org/some-model-65b")),
    near(serving("hf://mistralai/Mixtral-8x7B-v0.1")),
    fail("weights", "spec.model.name is 'llama-70b': 70 billion parameters", named("llama-70b")),
    near(named("llama-3b")),
    near(deployment(name="foo")),
]
