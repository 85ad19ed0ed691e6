"""What no rehearsal shows of the workflows: sessions, time limits, who waits for whom; read in the files."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

import environments
from ci.workspace import ROOT
from infra.spec import AwsAccount
from stacks import bootstrap

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
# What a new job takes to start its machines, for each endpoint of a release.
START_SECONDS = 900
RUNS_TERRAFORM = {"plan", "deploy", "destroy", "drift", "previews"}


def jobs(*names: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each job of those workflows, or of all, with the names of both."""
    for file in FILES:
        if not names or file.stem in names:
            for name, job in yaml.safe_load(file.read_text())["jobs"].items():
                yield f"{file.stem}.{name}", job


def events(name: str) -> dict[str, Any]:
    # YAML 1.1 takes the key `on` for true.
    found: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text())[True]
    return found


def condition(job: dict[str, Any]) -> str:
    return " ".join(str(job.get("if", "")).split())


def test_a_session_lasts_as_long_as_its_job_and_no_longer_than_its_role_allows() -> None:
    found = 0
    for name, job in jobs():
        for given in (step["with"] for step in job.get("steps", ()) if "role-to-assume" in step.get("with", {})):
            seconds = given.get("role-duration-seconds", 3600)
            long = any(f"roles.outputs.{kind} " in given["role-to-assume"] for kind in ("deploy", "preview"))
            assert 60 * job["timeout-minutes"] <= seconds, name
            assert seconds <= (bootstrap._DEPLOY_SECONDS if long else 3600), name
            found += 1
    assert found > 8


def test_the_release_job_outlasts_the_bakes_of_every_environment() -> None:
    ((_, job),) = jobs("release")
    for name in environments.names():
        served = [endpoint for region in environments.load(name).regions for endpoint in region.endpoints]
        baked = sum(stage.bake_seconds for endpoint in served for stage in endpoint.strategy.stages)
        assert baked + START_SECONDS * len(served) <= 60 * job["timeout-minutes"] <= 60 * 360, name


def test_what_a_training_is_waited_for_fits_into_its_job() -> None:
    (job,) = (job for name, job in jobs("train") if name == "train.train")
    lines = [step["run"].split() for step in job["steps"] if "--most-minutes" in step.get("run", "")]
    waited = [int(words[words.index("--most-minutes") + 1]) for words in lines]
    assert len(waited) == 2
    assert sum(waited) + 30 <= job["timeout-minutes"], "set-up, data, gate and registry take their time too"


def test_no_workflow_approves_what_a_person_has_to() -> None:
    lines = [step["run"] for _, job in jobs() for step in job.get("steps", ()) if "run" in step]
    assert not [line for line in lines if "models approve" in line]
    assert [line for line in lines if "release start" in line], "one releases"
    assert all("--no-approve" in line.split() for line in lines if "release start" in line)


def test_an_approval_that_nobody_gives_stops_its_own_environment_alone() -> None:
    whole = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())
    assert "run_id" in whole["concurrency"]["group"], "no run waits for another as a whole"
    deployed = {job["with"]["environment"]: job for name, job in jobs("deploy") if "environment" in job.get("with", {})}
    assert len(deployed) == 3
    for name, job in deployed.items():
        assert job["concurrency"] == {"group": f"deploy-{name}", "cancel-in-progress": False}


def test_an_environment_s_turn_comes_after_those_that_went_well() -> None:
    """GitHub calls a job `cancelled`, and no failure, whose turn a newer merge took."""
    turns = {job["with"]["environment"]: job for name, job in jobs("deploy") if "environment" in job.get("with", {})}
    aws = {name for name in environments.names() if isinstance(environments.load(name).target, AwsAccount)}
    assert set(turns) <= aws, "a further one is deployed by hand until it has a job here"
    assert len(turns) > 1
    for at, name in enumerate(turns):
        before = list(turns)[:at]
        assert {turns[name]["needs"]} if not before else set(turns[name]["needs"]) == {"environments", *before}
        for one in before:
            assert f"""contains(fromJSON('["success", "skipped"]'), needs.{one}.result)""" in condition(turns[name])
        assert not before or "needs.environments.result == 'success'" in condition(turns[name])


def test_nothing_that_changes_an_account_is_cancelled_for_what_comes_after() -> None:
    for file in FILES:
        whole = yaml.safe_load(file.read_text())
        for part in (whole, *whole["jobs"].values()):
            if part.get("concurrency", {}).get("cancel-in-progress"):
                assert file.stem in {"check", "plan"}


def test_who_goes_back_does_not_wait_for_the_release_that_he_stops() -> None:
    whole = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    assert "inputs.action" in whole["concurrency"]["group"]
    assert events("release")["workflow_dispatch"]["inputs"]["action"]["options"][0] == "start"


@pytest.mark.parametrize("name", [file.stem for file in FILES if "pull_request" in events(file.stem)])
def test_a_fork_s_pull_request_gets_no_identity(name: str) -> None:
    for where, job in jobs(name):
        if job["permissions"].get("id-token") and "schedule" not in condition(job):
            assert "&& github.event.pull_request.head.repo.full_name == github.repository" in condition(job), where


def test_what_runs_by_itself_knows_no_environment_by_name() -> None:
    for file in FILES:
        for where, job in jobs(file.stem):
            over = job.get("strategy", {}).get("matrix", {}).get("environment")
            assert over is None or "needs.environments.outputs.names" in over, where
            if over:
                assert "needs.environments.outputs.names != '[]'" in condition(job), f"{where}: no matrix may be empty"


def test_a_preview_ends_with_its_pull_request_or_its_label() -> None:
    assert {"labeled", "unlabeled", "closed"} <= set(events("preview")["pull_request"]["types"])
    by_number = [
        job["concurrency"]["group"] for name, job in jobs("preview") if "number" in str(job.get("concurrency"))
    ]
    assert len(by_number) == 2
    assert len(set(by_number)) == 1, "a preview is not destroyed while it is deployed"


def test_only_who_runs_terraform_keeps_its_providers() -> None:
    for where, job in jobs():
        words = {
            step["run"].split()[1] for step in job.get("steps", ()) if step.get("run", "").startswith("groundplan")
        }
        (given,) = [step.get("with", {}) for step in job.get("steps", ()) if "set-up" in step.get("uses", "")] or [{}]
        assert (given.get("terraform") == "true") == bool(words & RUNS_TERRAFORM), where
    action = yaml.safe_load((ROOT / ".github" / "actions" / "set-up" / "action.yml").read_text())
    kept = {step["with"]["path"]: step for step in action["runs"]["steps"] if "path" in step.get("with", {})}
    assert kept[".groundplan/plugins"]["if"] == "inputs.terraform == 'true'"
    assert not any("plugins" in path for path in kept if path != ".groundplan/plugins")
    assert all("hashFiles('requirements.lock'" in step["with"]["key"] for step in kept.values()), "a lock names it"


def test_gitlab_checks_merge_requests_plans_none_of_a_fork_and_keeps_what_it_fetched() -> None:
    whole = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text())
    assert {"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'} in whole["workflow"]["rules"]
    assert "rules" not in whole["check"], "in every pipeline"
    (rule,) = whole["plan"]["rules"]
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID" in rule["if"]
    folder = whole["variables"]["PIP_CACHE_DIR"].removeprefix("$CI_PROJECT_DIR/")
    assert any(folder.startswith(f"{path}/") for path in whole["default"]["cache"]["paths"])
