"""What a change costs: against sums done by hand, gated, and against what another revision declares."""

import copy
import re
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ci.errors import CommandError, GateError
from ci.estimate.change import CostChange, compare
from ci.estimate.comment import comment, estimate_comment
from ci.estimate.page import estimate_page, page
from ci.revision import Revision, stacks_at
from ci.workspace import Workspace
from infra.spec import CostGateSpec
from tests.ci.test_estimate import RESOURCES, priced

TINY = Path(__file__).parent / "tiny"
# Two more g5.xlarge with 100 GB each, for 730 hours, from infra/prices.csv.
TWO_NODES = 730 * 2 * (1.006 + 100 * 0.08 / 730)


def doubled() -> dict[str, Any]:
    resources = copy.deepcopy(RESOURCES)
    resources["aws_batch_compute_environment"]["pool_spot"]["compute_resources"]["max_vcpus"] *= 2
    return resources


def changed(tmp_path: Path, after: dict[str, Any], **gate: int) -> CostChange:
    before = priced(tmp_path, RESOURCES)
    return compare(before, priced(tmp_path, after), CostGateSpec(**gate), against="main", commit="0" * 40)


def test_a_doubled_pool_costs_what_was_done_by_hand_and_closes_the_gate(tmp_path: Path) -> None:
    change = changed(tmp_path, doubled(), idle_usd=0, worst_usd=1000)
    assert (change.total.idle, change.total.worst) == (0, pytest.approx(TWO_NODES, abs=0.02))
    assert [one.name for one in change.resources] == ["toy-one aws_batch_compute_environment.pool_spot"]
    with pytest.raises(GateError, match=r"worst_usd=1000 a month .* \$1,484.76 .* environments/toy.py"):
        change.check()
    for told in (comment(change), page(change)):
        assert "1,484.76" in told
        assert "2026-01-19" in told
    assert "[!CAUTION]" in comment(change)


def test_what_the_gate_lets_through_and_what_saves_is_no_objection(tmp_path: Path) -> None:
    changed(tmp_path, doubled(), worst_usd=1485).check()
    less = {kind: named for kind, named in RESOURCES.items() if kind != "aws_nat_gateway"}
    change = changed(tmp_path, less, idle_usd=0, worst_usd=0)
    change.check()
    assert change.total.idle == pytest.approx(-0.045 * 730)
    assert "**-$32.85 a month idle" in comment(change)
    assert "Nothing changes" in comment(changed(tmp_path, RESOURCES))


def test_a_price_that_is_not_known_closes_the_gate(tmp_path: Path) -> None:
    machines = {"type": "EC2", "instance_type": ["g7.2xlarge", "g7.4xlarge"], "min_vcpus": 0, "max_vcpus": 4}
    pools = {name: {"compute_resources": machines} for name in ("x", "y")}
    with pytest.raises(GateError, match="a sum that lacks 2 prices closes the gate") as caught:
        changed(tmp_path, RESOURCES | {"aws_batch_compute_environment": pools}).check()
    assert "cheaper" not in str(caught.value)
    assert caught.value.details == tuple(
        f"no price of {name} in us-east-1: add it to infra/prices.csv, or: groundplan prices refresh toy"
        for name in ("g7.2xlarge", "g7.4xlarge")
    )


def test_a_type_that_nobody_priced_closes_the_gate_and_stands_in_the_comment(tmp_path: Path) -> None:
    new = {"aws_instance": {"x": {}, "y": {}}, "aws_fsx_lustre_file_system": {"x": {}}}
    change = changed(tmp_path, RESOURCES | new, idle_usd=0, worst_usd=0)
    with pytest.raises(GateError, match="a sum that lacks 2 prices closes the gate") as caught:
        change.check()
    assert [line.split(":")[0] for line in caught.value.details] == [
        "nobody has said what aws_fsx_lustre_file_system costs (1 of it)",
        "nobody has said what aws_instance costs (2 of it)",
    ]
    told = comment(change)
    assert "[!CAUTION]" in told
    assert "- error: toy-one aws_instance.y: nobody has said what aws_instance costs" in told
    assert "| **all but what has no price** | ≥ 1,080.24 | ≥ +$0.00 |" in told
    assert "≥ +$0" in page(change)
    known = priced(tmp_path, RESOURCES | new)
    compare(known, known, CostGateSpec(idle_usd=0, worst_usd=0), against="main", commit="0" * 40).check()


def test_a_sum_that_lacked_a_price_before_does_not_hide_that_it_lacks_another(tmp_path: Path) -> None:
    machines = {"type": "EC2", "instance_type": ["g5.xlarge", "g7.2xlarge"], "min_vcpus": 0, "max_vcpus": 4}
    pool = RESOURCES | {"aws_batch_compute_environment": {"x": {"compute_resources": machines}}}
    same = compare(priced(tmp_path, pool), priced(tmp_path, pool), CostGateSpec(), against="main", commit="0" * 40)
    same.check()
    assert "Nothing changes" in comment(same)
    more = pool | {"aws_instance": {"x": {}}}
    change = compare(priced(tmp_path, pool), priced(tmp_path, more), CostGateSpec(), against="main", commit="0" * 40)
    assert (change.total.worst_at_least, change.total.worst_more_at_least) == (True, True)
    assert [one.name for one in change.resources] == ["toy-one aws_instance.x"]


def test_a_stack_that_is_declared_no_more_is_paid_until_it_is_destroyed(tmp_path: Path) -> None:
    before, after = priced(tmp_path, RESOURCES), priced(tmp_path, {})
    after = after.model_copy(update={"stacks": {}})
    change = compare(before, after, CostGateSpec(), against="main", commit="0" * 40)
    for told in (comment(change), page(change)):
        assert "Not saved until somebody destroys it" in told
        assert "toy-one" in told


def test_what_was_removed_has_a_bar(tmp_path: Path) -> None:
    change = compare(priced(tmp_path, RESOURCES), priced(tmp_path, {}), CostGateSpec(), against="x", commit="0" * 40)
    assert re.search(r"<svg.*>one</text>.*>removed</text>.*</svg>", page(change), flags=re.DOTALL)
    assert ">removed</text>" not in page(changed(tmp_path, doubled()))


def test_a_comment_keeps_to_its_length_and_its_verdict(tmp_path: Path) -> None:
    many = RESOURCES | {"aws_eip": {f"address_{at}": {} for at in range(400)}}
    many |= {"aws_instance": {f"machine_{at}": {} for at in range(400)}}
    change = changed(tmp_path, many)
    whole = comment(change, most=1_000_000)
    assert (whole.count("<details>"), whole.count("address_")) == (2, 150)
    for most in (15_000, 8_000, 6_500, 3_000):
        told = comment(change, most=most)
        assert len(told) <= most
        assert told.count("<details>") == told.count("</details>")
        assert "**The cost gate is closed.**" in told
        assert "nobody has said what aws_instance costs (400 of it)" in told


def test_an_estimate_alone_is_written_too(tmp_path: Path) -> None:
    found = priced(tmp_path, RESOURCES)
    told = estimate_comment(found)
    assert told.startswith("## Cost of `toy`\n\n**$1,080.24 a month idle, $5,146.28 with everything at its limit**")
    assert "Not in any sum: data transfer" in told
    whole = estimate_page(found)
    assert "<svg" in whole
    assert "5,146" in whole


def test_the_page_is_one_file_with_a_chart(tmp_path: Path) -> None:
    whole = page(changed(tmp_path, doubled()))
    chart = whole[whole.index("<svg") : whole.index("</svg>") + len("</svg>")]
    assert ElementTree.fromstring(chart).get("aria-label") == "cost by part"
    assert "<script" not in whole


def test_a_revision_has_its_own_stacks_and_none_of_a_newer_environment(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "local.py").write_text("")
    (tmp_path / "plan.json").write_text('{"wants": {"first": "old"}}')
    for name in ("app.py", "moving.py"):
        (tmp_path / name).write_text((TINY / name).read_text())
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "."), (*author, "commit", "-q", "-m", "old")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    (tmp_path / "plan.json").write_text("{}")
    place = Workspace(root=tmp_path, home=tmp_path / "home")
    revision = Revision.of("HEAD", place)
    with stacks_at(revision, "local", place) as stacks:
        assert stacks[0].document["resource"]["terraform_data"]["before"]["input"] == ["old"]
    with stacks_at(revision, "prod", place) as stacks:
        assert stacks == ()
    with pytest.raises(CommandError, match="'nowhere' is none of this repository"):
        Revision.of("nowhere", place)
