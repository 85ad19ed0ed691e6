"""Each line of the command blocks of README and docs: the command takes it as it stands, and a test runs its work.

The blocks whole would be half an hour and an account; so each line is parsed by the command itself here, and run where
it can fail at the lowest level: on tiny stacks, on the toy model, against a cloud in the test's own process.
"""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

import environments
from ci.cli import app

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = [block for page in PAGES for block in re.findall(r"```sh\n(.*?)```", page.read_text(), flags=re.DOTALL)]
LINES = [part.strip() for block in BLOCKS for line in block.splitlines() for part in line.split("#")[0].split("&&")]

DEMO = "ci/test_demo.py::test_from_nothing_to_nothing"
CI = ".ci/run"
# By the longest beginning of a line. CI's own entry runs the tests, and the benchmark what takes cdktf-cli.
RUN_BY = {
    "make demo": DEMO,
    "make test": CI,
    "make check": CI,
    "make cdktf": "ci/bench/deploy.py",
    "npx cdktf deploy": "ci/bench/deploy.py",
    "eval": "ci/test_command.py::test_cloud_env_points_a_shell_at_the_cloud",
    "groundplan cloud start": "localcloud/test_lifecycle.py::test_a_cloud_is_found_while_it_runs_and_gone_when_stopped",
    "groundplan cloud stop": "localcloud/test_lifecycle.py::test_a_cloud_is_found_while_it_runs_and_gone_when_stopped",
    "groundplan deploy local": DEMO,
    "groundplan train local": DEMO,
    "groundplan optimize local": DEMO,
    "groundplan release start local": DEMO,
    "groundplan predict local": DEMO,
    "groundplan cost local": DEMO,
    "groundplan destroy local": DEMO,
    "groundplan inventory local": DEMO,
    "groundplan tune": "ci/test_tune.py::test_who_comes_after_a_killed_tuner_takes_up_its_jobs_and_ends_the_study",
    "groundplan pipeline": "ci/test_versions.py::test_a_pipeline_is_put_once_and_then_brought_up_to_date",
    "groundplan models report": "ci/test_versions.py::"
    "test_an_evaluation_is_read_from_the_signed_bundle_and_is_one_page",
    "groundplan models list": "ci/test_versions.py::test_versions_are_listed_with_where_they_serve",
    "groundplan audit verify": "ci/test_audit_log.py::test_a_verification_that_fails_names_the_entry_and_ends_with_1",
    "groundplan plan": "ci/test_plan.py::test_a_plan_is_complete_from_the_first_and_a_saved_one_is_what_is_applied",
    "groundplan drift": "ci/test_drift.py::test_what_others_changed_and_removed_is_told_until_it_is_put_back",
    "groundplan cost prod": "ci/test_estimate.py::test_nothing_in_any_environment_lacks_a_rule",
    "groundplan cost prod --against": "ci/test_cost_change.py::"
    "test_a_doubled_pool_costs_what_was_done_by_hand_and_closes_the_gate",
    "groundplan diff": "ci/test_changes.py::test_environments_differ_in_named_places_whatever_their_order",
    "groundplan prices refresh": "ci/test_prices_refresh.py::test_prices_are_asked_for_dated_and_used",
    "groundplan tags": "stacks/test_tag_coverage.py::test_every_taggable_resource_and_all_that_it_launches_is_tagged",
    "groundplan resume": "localcloud/machines/test_budget_stop.py::"
    "test_a_spent_budget_stops_training_until_it_is_taken_back",
    "groundplan runs list": "ci/test_models.py::test_a_run_can_be_read_back_done_again_and_compared",
    "groundplan doctor": "ci/test_doctor.py::test_what_can_be_deployed_is_ready",
    "groundplan bootstrap": "ci/test_bootstrap.py::"
    "test_bootstrap_keeps_its_own_state_in_its_bucket_and_can_be_repeated_and_removed",
    "groundplan drill spot": "ci/test_drill.py::test_struck_runs_end_as_the_one_that_nobody_struck",
    "groundplan drill release": "ci/test_release_drill.py::test_a_release_outlives_its_command_and_a_bad_one_goes_back",
    "groundplan drill launchers": "ci/test_launched_runs.py::"
    "test_the_toy_ends_alike_however_two_processes_are_launched",
    "groundplan rehearse": "ci/test_rehearse.py::"
    "test_a_rehearsal_goes_from_nothing_to_nothing_and_touches_no_other_cloud",
}


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("groundplan ")])
def test_a_line_is_taken_by_the_command_as_it_stands(line: str) -> None:
    command, words, context = get_command(app), shlex.split(line)[1:], None
    while True:
        context = command.make_context(command.name or "groundplan", words, parent=context)
        if not hasattr(command, "resolve_command"):
            break
        _, command, words = command.resolve_command(context, [*context._protected_args, *context.args])
    named = {value for key, value in context.params.items() if key in ("environment", "one", "other")}
    assert named <= set(environments.names())


@pytest.mark.parametrize("line", LINES)
def test_a_test_runs_what_the_line_does(line: str) -> None:
    known = max((begin for begin in RUN_BY if f"{line} ".startswith(f"{begin} ")), key=len, default=None)
    assert known, "name the test that runs it"
    file, _, test = RUN_BY[known].partition("::")
    place = next(path for path in (ROOT / "tests" / file, ROOT / file) if path.exists())
    assert not test or f"def {test}(" in place.read_text()


def test_no_test_is_named_for_a_line_that_is_gone() -> None:
    assert all(any(f"{line} ".startswith(f"{begin} ") for line in LINES) for begin in RUN_BY)
