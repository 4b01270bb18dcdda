"""Every policy has an example that it alone reports and one that nothing reports, and its page is up to date."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulumi_policy import Policy

from policies.check.examples import FOLDER, example
from policies.check.pages import main, pages, stale, write
from policies.pack import POLICIES


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
def test_the_bad_example_is_reported_by_its_policy_and_no_other(policy: Policy) -> None:
    """A page shows one mistake, not three."""
    assert {name for name, _ in example(policy.name, "bad").reports(POLICIES)} == {policy.name}


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: p.name)
def test_nothing_is_said_about_the_good_example(policy: Policy) -> None:
    """What a page recommends passes the whole pack."""
    assert not example(policy.name, "good").reports(POLICIES)


def test_every_example_belongs_to_a_policy() -> None:
    """Examples of a policy that is gone would never run."""
    assert {path.name for path in FOLDER.iterdir()} == {policy.name for policy in POLICIES}


def test_pages_are_fresh() -> None:
    """Run `make rules-docs` after changing a policy or an example."""
    assert stale(POLICIES) == []


def test_a_page_says_what_why_how_bad_and_how_to_fix_it() -> None:
    """All of it from the policy itself."""
    page = pages(POLICIES)["httproute-features.md"]
    for part in ("| severity | critical |", "| level | mandatory |", "`HTTPRoute`", "GWCER104", "timeouts: {request:"):
        assert part in page
    assert "## How to fix it" in page
    assert page.index("## Reported") < page.index("## Passes")


def test_stale_pages_are_named_and_rewritten(tmp_path: Path) -> None:
    """Missing, different, or left over."""
    write(POLICIES, tmp_path)
    assert stale(POLICIES, tmp_path) == []
    (tmp_path / "gone.md").write_text("x", encoding="utf-8")
    (tmp_path / "tpu-workload.md").write_text("x", encoding="utf-8")
    (tmp_path / "README.md").unlink()
    assert stale(POLICIES, tmp_path) == ["README.md", "gone.md", "tpu-workload.md"]
    write(POLICIES, tmp_path)
    assert stale(POLICIES, tmp_path) == []


def test_wrong_arguments_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is overwritten by accident."""
    assert main(["--chek"]) == 2
    assert "with --check or nothing" in capsys.readouterr().err
    with pytest.raises(
        FileNotFoundError, match=r"no-policy has no example: write policies/examples/no-policy/bad\.yaml"
    ):
        example("no-policy", "bad")
