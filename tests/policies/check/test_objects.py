"""Which objects are found in files, folders and streams, and what is said about everything else."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from policies.check.objects import Input, read

GATEWAY = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: n}\n"


def stdin(text: str | bytes) -> Input:
    """What is found in standard input."""
    return read(["-"], BytesIO(text if isinstance(text, bytes) else text.encode()))


def problems(found: Input) -> list[str]:
    """What the user reads."""
    return [str(problem) for problem in found.problems]


def test_documents_are_named_by_file_line_namespace_and_name(tmp_path: Path) -> None:
    """The name of an object leads to it."""
    file = tmp_path / "all.yaml"
    file.write_text(f"# comment\n---\n{GATEWAY}---\n---\n{GATEWAY.replace(', namespace: n', '')}", encoding="utf-8")
    found = read([str(file)], BytesIO())
    assert [item.urn for item in found.objects] == [f"{file}:3 n/g", f"{file}:8 g"]
    assert not found.problems
    assert found.objects[0].token == "kubernetes:gateway.networking.k8s.io/v1:Gateway"


def test_a_core_object_gets_the_token_of_a_typed_resource() -> None:
    """A Service of a file and one of a program are the same to a policy."""
    assert (
        stdin("apiVersion: v1\nkind: Service\nmetadata: {name: s}\n").objects[0].token == "kubernetes:core/v1:Service"
    )


def test_folders_are_searched_in_order_without_hidden_files(tmp_path: Path) -> None:
    """The order of the file system decides nothing."""
    for name in ("b/x.yml", "a.yaml", "b/y.json", "b/z.txt", ".git/c.yaml", "b/.hidden.yaml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            GATEWAY if not name.endswith("json") else '{"apiVersion": "v1", "kind": "Pod"}', encoding="utf-8"
        )
    found = read([str(tmp_path), str(tmp_path / "a.yaml")], BytesIO())
    assert [Path(item.file).name for item in found.objects] == ["a.yaml", "x.yml", "y.json"]
    assert found.files == 3


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (f"apiVersion: v1\nkind: List\nitems:\n- {GATEWAY.strip().replace(chr(10), chr(10) + '  ')}\n", ["Gateway"]),
        ("apiVersion: v1\nkind: PodList\nitems: [{metadata: {name: a}}, {metadata: {name: a}}]\n", ["Pod", "Pod"]),
        (
            "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod}]}]}",
            ["Pod"],
        ),
        ("apiVersion: v1\nkind: List\nitems: []\n---\napiVersion: v1\nkind: Pod\n", ["Pod"]),
    ],
)
def test_lists_are_taken_apart(text: str, kinds: list[str]) -> None:
    """`kubectl get -o yaml` writes lists, whose items may leave out their kind; equal items stay two."""
    found = stdin(text)
    assert [item.kind for item in found.objects] == kinds
    assert [item.body.value["kind"] for item in found.objects] == kinds
    assert len({item.urn for item in found.objects}) == len(kinds)
    assert not found.problems


def test_json_with_surrogate_pairs_is_read() -> None:
    """JSON is YAML except where it is not."""
    found = stdin(b'{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"x": "\\ud83d\\ude00"}}}')
    assert found.objects[0].body.value["metadata"]["labels"]["x"] == "\N{GRINNING FACE}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "stdin: no Kubernetes object (with apiVersion and kind) in it, so nothing was checked"),
        ("replicas: 3\n", "stdin: no Kubernetes object"),
        ("- 1\n", "stdin: no Kubernetes object"),
        (b"a: \xff\n", "stdin:1: no UTF-8 text: byte 0xff. Save it as UTF-8."),
        ("a: 1\nb: c: d\n", "stdin:2: no valid YAML: mapping values are not allowed in this context."),
        ("a: {{ .Values.a }}\n", "It looks like an unrendered Helm template: pipe `helm template` in."),
        ("apiVersion: v1\n", "stdin:1: kind is missing; Kubernetes knows no such object. Write"),
        ("apiVersion: v1\nkind: [a]\n", "stdin:2: kind is no text"),
        ("apiVersion: {}\nkind: Pod\n", "stdin:1: apiVersion is no text"),
        ("apiVersion: 1\nkind: Pod\n", "stdin:1: apiVersion is no text"),
        ("apiVersion: v1\nkind: List\nitems: 5\n", "stdin:3: items of List is no list."),
        ('{"apiVersion": "\\ud83d"}', "no valid YAML"),
    ],
)
def test_input_that_cannot_be_checked_is_named(text: str | bytes, message: str) -> None:
    """Nothing looked at is not nothing found."""
    found = stdin(text)
    assert not found.objects
    assert len(found.problems) == 1
    assert message in problems(found)[0]


def test_what_is_no_object_is_passed_over_in_a_folder(tmp_path: Path) -> None:
    """Chart values and kustomizations lie beside manifests."""
    (tmp_path / "values.yaml").write_text("replicas: 3\n", encoding="utf-8")
    (tmp_path / "gateway.yaml").write_text(GATEWAY, encoding="utf-8")
    found = read([str(tmp_path)], BytesIO())
    assert (len(found.objects), found.passed_over, found.problems) == (1, 1, [])
    (tmp_path / "gateway.yaml").unlink()
    assert "no Kubernetes object" in problems(read([str(tmp_path)], BytesIO()))[0]


def test_paths_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    """Each mistake is one line; the rest is still read."""
    good = tmp_path / "good.yaml"
    good.write_text(GATEWAY, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    found = read([str(tmp_path / "none.yaml"), str(tmp_path / "empty"), str(good)], BytesIO())
    assert len(found.objects) == 1
    assert problems(found) == [
        f"{tmp_path}/none.yaml: cannot be read: No such file or directory",
        f"{tmp_path}/empty: there is no .yaml, .yml or .json file in this folder",
    ]
