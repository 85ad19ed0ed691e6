"""Keeps a training run going to its end, and tells what each attempt did and cost."""

import time
from collections.abc import Iterable, Sequence
from typing import Protocol

from ci import jobs
from ci.contracts import pool_contract, training_contract
from ci.errors import CommandError, JobError
from ci.estimate.declared import PriceBook, UnknownPriceError
from ci.prices.refresh import known_prices
from ci.progress import Progress
from ci.recovery.keeper import Jobs, look_after
from ci.recovery.rules import Done, GiveUp, Rules, Start
from ci.recovery.s3_store import S3Store
from ci.recovery.state import Attempt, Outcome, RunState
from ci.s3_record import ChangedError
from ci.site import Site


def rules(site: Site, *, most_usd: float) -> Rules:
    """Return the rules of a run on the environment's training machines, by the prices of its region."""
    contract = training_contract(site)
    hourly = _hourly_usd(site, [contract.instance_type])
    rules = Rules(hourly_usd=hourly, most_usd=most_usd, most_seconds=contract.max_runtime_seconds)
    # Where the environment buys no spot, its runs are on demand from the first attempt.
    return rules if contract.spot else rules.model_copy(update={"reclaims_before_on_demand": 0})


def pool_rules(site: Site, pool: str, *, most_usd: float) -> Rules:
    """Return the rules of a run on a pool: of its types the dearest counts, for all machines of a job."""
    contract = pool_contract(site, pool)
    (spec,) = (spec for spec in site.home_region.gpu_pools if spec.name == pool)
    reclaims = contract.reclaims_before_on_demand if spec.has_fallback else None
    return Rules(
        hourly_usd=_hourly_usd(site, contract.instance_types) * contract.nodes,
        most_usd=most_usd,
        most_seconds=contract.timeout_seconds,
        reclaims_before_on_demand=reclaims if spec.purchase == "spot" else 0,
    )


def spot_share(site: Site, pool: str) -> float:
    """Return what spot is taken to cost of the price on demand, of the pool's type with which it saves least."""
    book = _prices(site)
    return min(1.0, max(book.spot(name)[0] / book.hourly(name) for name in pool_contract(site, pool).instance_types))


def _hourly_usd(site: Site, instance_types: Sequence[str]) -> float:
    book = _prices(site)
    try:
        return max(book.hourly(name) for name in instance_types)
    except UnknownPriceError as error:
        raise CommandError(
            thing="--most-usd",
            value=" or ".join(instance_types),
            rule=f"cannot be paid for within a budget: there is {error}",
            fix=f"ask AWS: groundplan prices refresh {site.name}; or train without --most-usd",
        ) from error


def _prices(site: Site) -> PriceBook:
    return PriceBook(site.home_region.name, known_prices(site.environment, site.workspace))


def store(site: Site, run: str, place: str) -> S3Store:
    """Return where the state of a run is kept."""
    return S3Store(site.client("s3"), training_contract(site).artifact_bucket, run, place)


def check_begun(site: Site, run: str, place: str) -> None:
    """Raise `CommandError` for a run that nobody began, or began elsewhere: a slip of the pen begins no other one."""
    state, version = store(site, run, place).read()
    if not version:
        raise CommandError(
            thing=f"run {run!r}",
            value="no attempt",
            rule=f"of it was ever made in environment {site.name!r}",
            fix="give the name that `train --most-usd` printed, or leave --run away to begin one",
        )
    if state.place != place:
        raise CommandError(
            thing=f"run {run!r}",
            value=f"--on {place}",
            rule=f"is not where it was begun, on {state.place}",
            fix=f"take it up there: --on {state.place}",
        )


class Work(Jobs, Protocol):
    """The run's jobs, as those who wait want to hear of them."""

    place: str

    def name(self, attempt: Attempt) -> str:
        """Return the name of an attempt's job."""
        ...

    def lines(self) -> Iterable[str]:
        """Return what all attempts have logged since they were asked last."""
        ...


def keep(site: Site, run: str, work: Work, rules: Rules, progress: Progress) -> tuple[str, RunState]:
    """Look after a run until it ends; return the job that succeeded and all attempts.

    May be called again for the same run, also while another call is at it. Raises `JobError` when the run is given up.
    Ctrl-C leaves the run as it is, to be taken up again.
    """
    kept = store(site, run, work.place)
    told = RunState()
    while True:
        try:
            decision, state = look_after(kept, work, rules)
        except ChangedError:
            continue  # Another keeper was quicker; the next look sees what it did.
        for line in work.lines():
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
    last = f"see why: groundplan logs {site.name} {run}-{len(state.attempts)}; its checkpoints are kept"
    return JobError(
        thing=f"run {run!r}",
        value=f"{len(state.attempts)} attempts, ${state.usd:.4f}",
        rule=f"is given up: {decision.reason}",
        fix=last if state.attempts else "allow more by --most-usd",
    )
