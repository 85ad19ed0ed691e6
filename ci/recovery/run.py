"""Keeps a training run going to its end, and tells what each attempt did and cost."""

import time

from ci import jobs
from ci.contracts import training_contract
from ci.errors import CommandError, JobError
from ci.log_tail import TRAINING_JOBS, LogTail
from ci.prices.refresh import snapshot
from ci.progress import Progress
from ci.recovery.keeper import ChangedError, look_after
from ci.recovery.rules import Done, GiveUp, Rules, Start
from ci.recovery.s3_store import S3Store
from ci.recovery.sagemaker_jobs import SageMakerJobs
from ci.recovery.state import Attempt, Outcome, Purchase, RunState
from ci.site import Site
from infra.prices import prices


def rules(site: Site, *, most_usd: float) -> Rules:
    """Return the rules of a run on the environment's training machines, by the prices of its region."""
    contract, region = training_contract(site), site.home_region.name
    table = prices(snapshot(site.environment, site.workspace))
    price = table.get((contract.instance_type, region))
    if price is None:
        raise CommandError(
            thing=f"instance type {contract.instance_type!r}",
            value="no price",
            rule=f"is known for it in {region}, so no budget can be kept",
            fix=f"ask AWS: groundplan prices refresh {site.name}; or train without --most-usd",
        )
    spot = price.usd * table["spot-factor", region].usd
    hourly = {Purchase.ON_DEMAND: price.usd, Purchase.SPOT: spot}
    rules = Rules(hourly_usd=hourly, most_usd=most_usd, most_seconds=contract.max_runtime_seconds)
    # Where the environment buys no spot, its runs are on demand from the first attempt.
    return rules if contract.spot else rules.model_copy(update={"reclaims_before_on_demand": 0})


def check_begun(site: Site, run: str) -> None:
    """Raise `CommandError` for a run that nobody began: a slip of the pen must not begin another one."""
    _, version = S3Store(site.client("s3"), training_contract(site).artifact_bucket, run).read()
    if not version:
        raise CommandError(
            thing=f"run {run!r}",
            value="no attempt",
            rule=f"of it was ever made in environment {site.name!r}",
            fix="give the name that `train --most-usd` printed, or leave --run away to begin one",
        )


def keep(site: Site, run: str, request: jobs.JobRequest, rules: Rules, progress: Progress) -> tuple[str, RunState]:
    """Look after a run until it ends; return the job that succeeded and all attempts.

    May be called again for the same run, also while another call is at it. Raises `JobError` when the run is given up.
    Ctrl-C leaves the run as it is, to be taken up again.
    """
    store = S3Store(site.client("s3"), training_contract(site).artifact_bucket, run)
    work = SageMakerJobs(site, run, request)
    tail = LogTail(site.client("logs"), TRAINING_JOBS, f"{run}-")
    told = RunState()
    while True:
        try:
            decision, state = look_after(store, work, rules)
        except ChangedError:
            continue  # Another keeper was quicker; the next look sees what it did.
        for line in tail.read():
            progress.say(f"  {line}")
        for attempt in state.attempts:
            if attempt not in told.attempts and attempt.outcome:
                progress.say(_told(work.name(attempt), attempt))
        told = state
        if isinstance(decision, Start):
            progress.say(f"Started job {work.name(decision.attempt)} ({decision.attempt.purchase}).")
        if isinstance(decision, Done):
            best = next(attempt for attempt in state.attempts if attempt.outcome is Outcome.SUCCEEDED)
            return work.name(best), state
        if isinstance(decision, GiveUp):
            raise _given_up(site, run, state, decision)
        time.sleep(jobs.POLL_SECONDS)


def _told(name: str, attempt: Attempt) -> str:
    return f"{name}: {attempt.outcome} after {attempt.seconds:.0f} s, ${attempt.usd:.4f} ({attempt.purchase})."


def _given_up(site: Site, run: str, state: RunState, decision: GiveUp) -> JobError:
    return JobError(
        thing=f"run {run!r}",
        value=f"{len(state.attempts)} attempts, ${state.usd:.4f}",
        rule=f"is given up: {decision.reason}",
        fix=f"see why: groundplan logs {site.name} {run}-{len(state.attempts)}; its checkpoints are kept",
    )
