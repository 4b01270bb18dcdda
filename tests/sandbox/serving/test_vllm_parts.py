"""The parts of the stand-in for vLLM, without a process: command lines, flags, blocks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rules import vllm, vllm_flags
from sandbox.serving.vllm import arguments, cache, command
from sandbox.toolchain import Tools

PRESET_SCRIPT = """
if [ "$KSERVE_INFER_ROCE" = "true" ]; then
  echo "vllm would be started later"
fi
ACCESS_LOG_ARGS="--disable-uvicorn-access-log"
VLLM_VERSION=$(vllm --version 2>/dev/null | tail -1 | awk '{print $NF}')
eval "exec vllm serve /mnt/models \\
  --served-model-name "qwen" "publishers/ns/models/qwen" \\
  --port 8000 \\
  ${ACCESS_LOG_ARGS} \\
  \\
   --tensor-parallel-size 4 \\
  ${VLLM_ADDITIONAL_ARGS} \\
  $@"
"""


def read(words: list[str], environment: dict[str, str] | None = None) -> arguments.Settings:
    """Settings of a container's words."""
    found = command.find(words, environment or {})
    return arguments.parse(found.program, found.arguments, chips=4)


def test_kserves_preset_script_hands_on_its_arguments_and_variables() -> None:
    """KServe starts the server in a script, with the service's own args as `$@` after `--`."""
    words = ["/bin/bash", "-c", PRESET_SCRIPT, "--", "--max-model-len=2048"]
    settings = read(words, {"VLLM_ADDITIONAL_ARGS": "--block-size 64"})
    assert settings.model == "/mnt/models"
    assert settings.names == ("qwen", "publishers/ns/models/qwen")
    assert (settings.max_model_length, settings.block_tokens) == (2048, 64)


def test_kserves_own_preset_is_understood(tools: Tools) -> None:
    """The real template, with its Go expressions taken away, starts a server on port 8000."""
    del tools  # the module cache is filled once the tools are built
    root = Path.home() / "go/pkg/mod/github.com/kserve/kserve@v0.20.0/config/llmisvcconfig"
    if not root.is_dir():
        pytest.skip("the module cache has no KServe 0.20.0")
    preset = yaml.safe_load((root / "config-llm-template.yaml").read_text())
    words = [re.sub(r"\{\{.*?\}\}", "", word) for word in preset["spec"]["template"]["containers"][0]["command"]]
    settings = read([*words, "--tensor-parallel-size=4"])
    assert (settings.port, settings.model) == (vllm.PORT, "/mnt/models")


def test_the_reports_shell_script_is_understood() -> None:
    """The form in which an operator wrote it: a block of YAML after `bash -c`, with comments between continuations."""
    module = "vllm.entrypoints.openai.api_server"
    script = f"python3 -m {module} \\\n --model=/mnt/models \\\n --dtype=half \\\n --max-model-len=2048\n"
    assert read(["/bin/bash", "-c", script]).max_model_length == 2048


@pytest.mark.parametrize(
    "line",
    [
        "vllm serve m --port 9000 2>&1 | tee /tmp/log",
        "vllm serve m --port 9000 2>&1|tee /tmp/log",
        "vllm serve m --port 9000 > /tmp/log 2>&1 &",
        "vllm serve m --port 9000 >>/tmp/log&",
        "vllm serve m 2> /tmp/err --port 9000; echo ended",
        "vllm serve m --port 9000 &> '/tmp/a file' && true",
        "vllm serve m --port 9000 < /dev/null",
        "vllm serve m --port 9000 2>&1 || exit 3",
    ],
)
def test_redirections_are_no_arguments(line: str) -> None:
    """`2>&1 | tee` at the end of a command is everywhere; taken for an argument it ends the server."""
    assert command.from_script(line, [], {}).arguments == ["m", "--port", "9000"]


def test_what_is_quoted_is_no_redirection_and_no_end() -> None:
    """JSON and expressions in arguments keep their `>`, `|` and `;`, and so do the container's own args."""
    line = """vllm serve m --a '>b; c' --b "d | 2>&1" --c \\> "$@" 2>&1"""
    expected = ["m", "--a", ">b; c", "--b", "d | 2>&1", "--c", ">", "> e", "f;"]
    assert command.from_script(line, ["> e", "f;"], {}).arguments == expected


@pytest.mark.parametrize(
    ("script", "port"),
    [
        ("PORT=9000\nvllm serve m --port $PORT", "9000"),
        ("export PORT='9000'\nexec vllm serve m --port ${PORT}", "9000"),
        ('BASE=9000; PORT="$BASE"\nvllm serve m --port $PORT', "9000"),
        ("PORT=${OTHER:-9000} && vllm serve m --port $PORT", "9000"),
        ("echo for you\nPORT=9000\nvllm serve m --port $PORT", "9000"),
        ("if [ -n x ]; then\n  PORT=9000\nfi\nvllm serve m --port $PORT", "7000"),
        ("if [ -n x ]; then PORT=9000; fi\nvllm serve m --port $PORT", "7000"),
        ("if [ -n x ]; then true; fi\nPORT=9000\nvllm serve m --port $PORT", "9000"),
        ("f() {\n  PORT=9000\n}\nvllm serve m --port $PORT", "7000"),
        ("PORT=9000 vllm serve m --port $PORT", "7000"),
        ("vllm serve m --port $PORT\nPORT=9000", "7000"),
    ],
)
def test_variables_that_the_script_sets_itself(script: str, port: str) -> None:
    """Plain assignments before the server's command count; those that may not run, or come too late, do not."""
    assert command.from_script(script, [], {"PORT": "7000"}).arguments == ["m", "--port", port]


def test_what_a_script_computes_is_empty() -> None:
    """Nothing of a container's command is run on this machine."""
    script = 'A="$(hostname)"\nvllm serve m --served-model-name "x$A"'
    assert command.from_script(script, [], {"A": "old"}).arguments == ["m", "--served-model-name", "x"]


def test_unbalanced_quote_in_vllm_args_is_the_commands_fault() -> None:
    """It ends the container with a message; as an unexpected error it once froze the pod's status."""
    with pytest.raises(command.CommandError, match="VLLM_ARGS: No closing quotation") as refused:
        command.find([], {"VLLM_ARGS": '--model "m'})
    assert refused.value.exit_code == 2


def test_the_images_entrypoint_takes_arguments_alone() -> None:
    """Without a command the TPU image starts the API server, with VLLM_ARGS where there are no arguments either."""
    assert read(["--model=m", "--served-model-name=a"]).names == ("a",)
    assert read([], {"VLLM_ARGS": "--model m --port 9000"}).port == 9000


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["vllm", "bench"], 2),
        (["python3", "-m", "http.server"], 1),
        (["/bin/bash", "-c", "echo hello"], 0),
        (["/bin/bash", "start.sh"], 127),
        (["/bin/true"], 127),
        (["bash", "-c", "vllm serve 'm"], 2),
    ],
)
def test_a_command_that_starts_no_server_ends(words: list[str], code: int) -> None:
    """A pod whose command is something else does not become a model server by its image's name."""
    with pytest.raises(command.CommandError) as caught:
        command.find(words, {})
    assert caught.value.exit_code == code


def test_flags_are_read_as_vllms_parser_reads_them() -> None:
    """Underscores, unique beginnings, JSON keys and negated switches are all known; the rest is not."""
    for known in (
        "--max_model_len",
        "--tensor-parallel",
        "--kv-transfer-config.kv_connector",
        "--no-enable-prefix-caching",
    ):
        assert vllm_flags.long_name(known) is not None, known
    for unknown in (
        "--prefix-cache-block-size",
        "--prefix_cache_block_size",
        "--no-port",
        "--max",
        "-x",
        "--",
        "--no-",
    ):
        assert vllm_flags.long_name(unknown) is None, unknown
    refused = vllm_flags.unrecognized(["m", "--seed", "-1", "--foo", "1", "--port=8000", "--device=tpu"])
    assert refused == ["--foo", "1", "--device=tpu"]


def test_every_refused_flag_of_the_rules_is_refused_here() -> None:
    """The settings and the policies warn of the same flags that end the server."""
    for flag in vllm.REJECTED_FLAGS:
        with pytest.raises(arguments.ArgumentError, match="unrecognized arguments"):
            read(["vllm", "serve", "m", f"{flag}=1"])


def test_numbers_may_be_written_as_people_write_them() -> None:
    """`--max-model-len 8k` is 8000, `8K` is 8192."""
    assert read(["vllm", "serve", "m", "--max-model-len", "8k"]).max_model_length == 8000
    assert read(["vllm", "serve", "m", "--max-model-len=8K"]).max_model_length == 8192


def test_a_common_beginning_gives_common_hashes_and_nothing_after_it_does() -> None:
    """A block's hash depends on everything before it, so equal text after a difference is no hit."""
    block = 4 * 16
    one, two = cache.chain(b"a" * block * 3, 16), cache.chain(b"a" * block + b"b" * block + b"a" * block, 16)
    assert one[0] == two[0]
    assert one[1] != two[1]
    assert one[2] != two[2]
    assert cache.chain(b"a" * (block - 1), 16) == []


def test_the_block_that_was_used_longest_ago_is_evicted() -> None:
    """A cache of four blocks keeps the last two prompts of two blocks."""
    blocks = cache.BlockCache(4)
    prompts = [cache.chain(letter * 128, 16) for letter in (b"a", b"b", b"c")]
    for prompt in prompts:
        held = blocks.allocate(prompt, 0)
        assert held is not None
        blocks.release(held)
    again = blocks.allocate(prompts[2], 0)
    assert again is not None
    assert again.hit_blocks == 2
    blocks.release(again)
    first = blocks.allocate(prompts[0], 0)
    assert first is not None
    assert first.hit_blocks == 0


def test_blocks_in_use_are_never_given_away() -> None:
    """A request that finds too few free blocks waits; one with the same prefix shares them and fits."""
    blocks = cache.BlockCache(4)
    prompt = cache.chain(b"a" * 192, 16)
    assert blocks.allocate(prompt, 0) is not None
    assert blocks.usage == 0.75
    assert blocks.allocate(cache.chain(b"b" * 192, 16), 0) is None
    shared = blocks.allocate(prompt, 1)
    assert shared is not None
    assert blocks.usage == 1.0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.booleans()), max_size=60))
def test_no_block_is_lost_or_counted_twice(steps: list[tuple[int, int, bool]]) -> None:
    """Whatever is allocated and released in whatever order, an idle cache uses nothing and holds no more than it has."""
    blocks = cache.BlockCache(8)
    held: list[cache.Allocation] = []
    for prompt, private, release in steps:
        if release and held:
            blocks.release(held.pop(0))
        elif (got := blocks.allocate(cache.chain(bytes([prompt]) * 64 * (prompt + 1), 16), private)) is not None:
            held.append(got)
        assert 0 <= blocks.usage <= 1
    for allocation in held:
        blocks.release(allocation)
    assert blocks.usage == 0
    whole = blocks.allocate(cache.chain(b"z" * 64 * 8, 16), 0)
    assert whole is not None
