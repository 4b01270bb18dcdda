"""What fits the memory of a slice: certain errors, hints, and silence where nothing is known."""

from __future__ import annotations

import pytest

from rules import memory, tpu
from rules.finding import Finding

V6E = 32


def fit(name: str, chips: int, length: int = 8192, hbm: int = V6E) -> list[Finding]:
    """Whether a model of that name fits so many chips."""
    return memory.check_fit(
        parameters_billion=memory.parameters_billion(name),
        bytes_per_parameter=memory.bytes_per_parameter(name),
        shape=memory.model_shape(name),
        chips=chips,
        hbm_gib_per_chip=hbm,
        max_model_length=length,
    )


@pytest.mark.parametrize(
    ("name", "billion"),
    [
        ("Qwen/Qwen2.5-3B-Instruct", 3),
        ("hf://Qwen/Qwen2.5-0.5B", 0.5),
        ("hf://Qwen/Qwen2.5-0.5B:refs/like-70b", 0.5),
        ("meta-llama/Llama-3.3-70B-Instruct", 70),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", 44.8),
        ("Qwen/Qwen3-30B-A3B", 30),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", 1.5),
        ("HuggingFaceTB/SmolLM-135M", 0.135),
        ("openai/gpt-oss-120b", 120),
        ("gpt2", None),
        ("3b-team/mystery", None),
        ("my-model-v3", None),
        ("llama3b2beta", None),
    ],
)
def test_size_in_a_name(name: str, billion: float | None) -> None:
    """Only what stands in the model's own name as a size counts; the active parameters of a mixture do not."""
    found = memory.parameters_billion(name)
    assert found == (None if billion is None else pytest.approx(billion))


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("Llama-3.3-70B-Instruct", 2),
        ("Llama-3.3-70B-Instruct-FP8", 1),
        ("Llama-3.3-70B-Instruct-quantized.w8a8", 1),
        ("Qwen2.5-32B-Instruct-AWQ", 0.5),
        ("Meta-Llama-3.1-70B-Instruct-quantized.w4a16", 0.5),
        ("gpt-oss-120b", 0.5),
        ("DeepSeek-R1", 1),
        ("DeepSeek-R1-Distill-Qwen-32B", 2),
    ],
)
def test_bytes_in_a_name(name: str, size: float) -> None:
    """A quantised model must not be refused for the memory that its original would need."""
    assert memory.bytes_per_parameter(name) == size


def test_a_dtype_that_is_written_counts_where_the_name_says_nothing() -> None:
    """`--dtype float32` doubles the weights."""
    assert memory.bytes_per_parameter("Qwen2.5-3B", "float32") == 4
    assert memory.bytes_per_parameter("Qwen2.5-3B", "unheard-of") == 2


def test_weights_that_do_not_fit_are_an_error() -> None:
    """70 billion parameters are 130 GiB, and four chips of v6e have 128: the server would end after loading for minutes."""
    (finding,) = fit("Llama-3.3-70B-Instruct", 4)
    assert (finding.certain, finding.rule, finding.path) == (True, "weights", "parameters")
    assert finding.remedy == "Take a slice of at least 8 chips, or quantised weights."
    assert not fit("Llama-3.3-70B-Instruct", 8)
    assert not fit("Llama-3.3-70B-Instruct-FP8", 4)


def test_a_context_that_the_cache_cannot_hold_is_an_error() -> None:
    """The server ends at start when no single request of full length fits; the remedy is a length that does."""
    (finding,) = fit("Llama-3.1-8B-Instruct", 1, 131072)
    assert (finding.certain, finding.rule, finding.path) == (True, "kv-cache", "maxModelLength")
    longest = int(finding.remedy.split()[3].rstrip(","))
    assert not fit("Llama-3.1-8B-Instruct", 1, longest)
    assert fit("Llama-3.1-8B-Instruct", 1, longest + 1)


def test_a_small_model_on_many_chips_is_a_hint_only() -> None:
    """Pattern 1 serves 3B on four chips on purpose: more cache. It must load."""
    (finding,) = fit("Qwen/Qwen2.5-3B-Instruct", 4)
    assert (finding.certain, finding.rule) == (False, "oversized")
    assert "1 chip would hold the model" in finding.reason
    assert not fit("Qwen/Qwen2.5-3B-Instruct", 1)


def test_unknown_sizes_are_not_judged() -> None:
    """A name without a size says nothing about memory."""
    assert not fit("gpt2", 256)
    assert memory.model_shape("gpt2") is None


def test_copies_of_heads_are_cache_that_holds_nothing_new() -> None:
    """Qwen2.5-3B has two KV heads: on four cores each is kept twice, and a token takes twice the memory."""
    shape = memory.model_shape("Qwen/Qwen2.5-3B-Instruct")
    assert shape is not None
    assert shape.cache_bytes_per_token(4) == 2 * shape.cache_bytes_per_token(2) == 2 * shape.cache_bytes_per_token(1)
    (finding,) = memory.check_heads(shape, 4)
    assert not finding.certain
    assert not memory.check_heads(shape, 2)
    assert not memory.check_heads(None, 4)


@pytest.mark.parametrize(
    ("machine", "topology", "size", "servers", "cores"),
    [
        ("ct6e-standard-4t", "2x2", None, 1, 4),
        ("ct6e-standard-4t", "2x2", 1, 4, 4),
        ("ct6e-standard-8t", "2x4", 4, 2, 8),
        ("ct6e-standard-4t", "4x4", 16, 1, 16),
        ("tpu7x-standard-4t", "2x2x1", None, 1, 8),
    ],
)
def test_a_slice_divided_among_servers(machine: str, topology: str, size: int | None, servers: int, cores: int) -> None:
    """Cores = nodes × chips per VM × cores per chip = tensor parallel size × servers; Ironwood has two cores a chip."""
    kind = tpu.MACHINE_TYPES[machine]
    found = tpu.layout(kind, topology, size)
    assert (found.servers, found.cores) == (servers, cores)
    assert found.cores == found.tensor_parallel_size * found.servers
    assert found.chips == found.nodes * found.chips_per_node == tpu.chips(topology)
    assert found.chips_per_server * found.servers == found.chips or found.servers > found.chips


def test_a_parallel_size_that_does_not_fill_the_slice() -> None:
    """Three of four cores is an error; two of four leaves cores idle, because a pod takes all chips of its node."""
    kind = tpu.MACHINE_TYPES["ct6e-standard-4t"]
    (wrong,) = tpu.check_parallel_size(kind, "2x2", 3)
    assert (wrong.certain, wrong.remedy) == (True, "Write one of 1, 2, 4.")
    (idle,) = tpu.check_parallel_size(kind, "2x2", 2)
    assert not idle.certain
    assert "leaves 2 cores idle" in idle.reason
    assert not tpu.check_parallel_size(kind, "2x2", 4)
    with pytest.raises(ValueError, match="3 does not divide"):
        tpu.layout(kind, "2x2", 3)


def test_what_no_single_host_holds() -> None:
    """The remedy for weights beyond every single host is no slice of several hosts, which would be refused next."""
    (finding,) = fit("meta-llama/Llama-3.1-405B-Instruct", 4)
    assert finding.remedy == (
        "Take quantised weights or a smaller model: these need at least 32 chips, and no single host has more than 8 of them; "
        "vLLM on TPU does not serve reliably over several."
    )
