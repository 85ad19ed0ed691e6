"""The first plan of the real prod, of two regions and no state: it creates all that the stacks' JSON declares.

Not all 24 of its stacks, which take more than a minute (`python -m ci.bench plan` holds those to the same), but 7 that
hand values on to each other: two chains of three, and both regions into one.
"""

from collections.abc import Sequence
from pathlib import Path

import pytest

import environments
from ci.bench.plan import unlike
from ci.manifest import Stack
from ci.plan import plan
from ci.progress import QUIET
from ci.rehearse import stage
from ci.synthesis import synthesize
from ci.workspace import Workspace

ENDS = ("prod-access", "prod-eu-west-1-operations")


def with_all_that_they_read(names: Sequence[str], stacks: Sequence[Stack]) -> tuple[Stack, ...]:
    wanted = set(names)
    for stack in reversed(stacks):
        wanted |= stack.dependencies if stack.id in wanted else set()
    return tuple(stack for stack in stacks if stack.id in wanted)


@pytest.mark.terraform
@pytest.mark.slow
def test_the_first_plan_of_two_regions_creates_all_that_is_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks: list[Stack] = []

    def chosen(*given: object) -> Sequence[Stack]:
        stacks.extend(with_all_that_they_read(ENDS, synthesize(*given)))  # type: ignore[arg-type]
        return stacks

    monkeypatch.setattr("ci.plan.synthesize", chosen)
    with stage(environments.load("prod"), Workspace(home=tmp_path), QUIET) as site:
        result = plan(site)
    assert unlike(stacks, result) == []
    assert len(stacks) == 7
    assert result.summary.create == result.summary.total == sum(stack.resources for stack in stacks) > 0
    # Each but the first of a chain is planned with what does not exist yet.
    assert {name for name, found in result.stacks.items() if found.exact} == {
        stack.id for stack in stacks if not stack.dependencies
    }

    name = ENDS[0]
    less = result.stacks[name].model_copy(update={"changes": result.stacks[name].changes[1:]})
    (told,) = unlike(stacks, result.model_copy(update={"stacks": {**result.stacks, name: less}}))
    assert told == f"{name}: {less.create - 1} of {less.create} are created: {result.stacks[name].changes[0].address}"
    without = {one: found for one, found in result.stacks.items() if one != name}
    assert unlike(stacks, result.model_copy(update={"stacks": without}))[0].startswith(f"{name}: 0 of {less.create} ")
