"""Releases a model: gate, signature, registry, approval, then its endpoints one by one, each proven by an answer."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from ci import admission, known_jobs
from ci.artifacts import fetch_archive
from ci.audit.record import History, record
from ci.contracts import endpoints_of, spec_of
from ci.errors import CommandError, WorkError
from ci.invocation import Caller
from ci.model_registry import Package
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.rollout import roll_out
from ci.site import Site
from infra.spec import RegionSpec
from infra.spec.contract import ServingContract


class ReleasedEndpoint(Result):
    """An endpoint that serves the release, and what it answered to the proof."""

    endpoint: str
    region: str
    configuration: str
    seconds: float
    # The first request starts the model server: this is the cold start that a caller would have felt.
    proof_milliseconds: float
    proof: dict[str, Any]


class ReleaseResult(Result):
    """A version in the registry of each region and, once approved, behind its endpoints."""

    model: str
    # `version` names the content, `semantic_version` what changed in it.
    version: str
    semantic_version: str
    job: str
    accuracy: float
    baseline_accuracy: float
    approved: bool
    # Region → model package.
    packages: dict[str, str]
    endpoints: tuple[ReleasedEndpoint, ...]


@dataclass(frozen=True)
class _Entered:
    """A version in one region's registry, whether it is approved there, and the endpoints that it is for."""

    region: str
    contracts: tuple[ServingContract, ...]
    package: Package
    approved: bool


def release(
    site: Site,
    model: str,
    *,
    job: str | None = None,
    approve: bool = True,
    serve: bool = True,
    progress: Progress = QUIET,
) -> ReleaseResult:
    """Release what the optimization job `job` made, by default the newest of `model`.

    Without `serve` it ends in the registry. Raises `GateError` when the model's own report speaks against it; and
    without `approve`, before any endpoint is touched, when nobody has approved it there yet.
    """
    from ml.models import catalogue

    # Raises an error with the nearest names before anything is asked.
    catalogue.card(model)
    serving = _serving(site, model)
    job = job or known_jobs.newest(site, "optimize", model)
    content = _content(site, model, job)
    history = History(site, model)
    report = admission.judge(model, job, content, history)
    progress.say(f"Gate open: accuracy {report['accuracy']:.4f}, baseline {report['baseline_accuracy']:.4f}.")
    entered: list[_Entered] = []
    for region, members in groupby(serving, key=lambda found: found[0].name):
        contracts = tuple(contract for _, contract in members)
        number = entered[0].package.semantic_version if entered else None
        package = admission.enter(site, region, contracts[0], content, job=job, number=number, history=history)
        progress.say(f"{region}: version {package.semantic_version} ({package.version}) is in the registry.")
        cleared = admission.clear(site, region, contracts[0], package, approve=approve, history=history)
        entered.append(_Entered(region, contracts, package, cleared))
    first = entered[0].package
    waiting = [one.region for one in entered if not one.approved]
    if serve and waiting:
        raise admission.undecided(site, model, first, waiting, history)
    return ReleaseResult(
        model=model,
        version=first.version,
        semantic_version=first.semantic_version,
        job=job,
        accuracy=report["accuracy"],
        baseline_accuracy=report["baseline_accuracy"],
        approved=not waiting,
        packages={one.region: one.package.arn for one in entered},
        endpoints=tuple(_served(site, entered, content, progress)) if serve else (),
    )


def _serving(site: Site, model: str) -> list[tuple[RegionSpec, ServingContract]]:
    """Return the contracts of the endpoints that serve a model; to have none is an error."""
    serving = endpoints_of(site, model)
    if not serving:
        raise CommandError(
            thing=f"model {model!r}",
            value="no endpoint",
            rule=f"serves it in environments/{site.name}.py",
            fix=f"add EndpointSpec(name=…, model={model!r}) to a region and deploy",
        )
    return serving


def _content(site: Site, model: str, job: str) -> Path:
    _, uri = known_jobs.completed(site, job, fix="take a completed optimization job")
    content = fetch_archive(site, uri, site.workspace.folder(site.name) / "jobs" / job)
    if not (content / "signature.json").exists():
        raise CommandError(
            thing=f"job {job!r}",
            value="its model",
            rule="was not optimized yet",
            fix=f"optimize it first: groundplan optimize {site.name} {model} --job {job}",
        )
    return content


def _served(site: Site, entered: list[_Entered], content: Path, progress: Progress) -> Iterator[ReleasedEndpoint]:
    """Put a version behind its endpoints, one after the other, and write each down."""
    for one in entered:
        for contract in one.contracts:
            found = _released(site, one.region, contract, one.package, content, progress)
            facts = {"semantic_version": one.package.semantic_version, "endpoint": found.endpoint}
            facts |= {"configuration": found.configuration, "region": one.region}
            record(site, "released", model=contract.model, version=one.package.version, facts=facts)
            yield found


def _released(
    site: Site,
    region: str,
    contract: ServingContract,
    package: Package,
    content: Path,
    progress: Progress,
) -> ReleasedEndpoint:
    began = time.monotonic()
    spec, endpoint = spec_of(site, region, contract), contract.endpoint_name
    try:
        configuration = roll_out(site, region, contract, package, spec=spec, progress=progress)
    except WorkError as error:
        facts = {"endpoint": endpoint, "region": region, "why": error.rule}
        record(site, "rolled back", model=contract.model, version=package.version, facts=facts)
        raise
    caller = Caller(site, region, contract)
    asked = time.perf_counter()
    answer = caller.ask([_sample(content)])
    milliseconds = (time.perf_counter() - asked) * 1000
    progress.say(f"{region}: {endpoint} serves {answer['model_version']}: {answer['predictions'][0]}.")
    return ReleasedEndpoint(
        endpoint=endpoint,
        region=region,
        configuration=configuration,
        seconds=round(time.monotonic() - began, 2),
        proof_milliseconds=round(milliseconds, 1),
        proof=answer["predictions"][0],
    )


def _sample(content: Path) -> dict[str, str]:
    """Return an instance as the model's own signature wants it: what the model is for, in each field of text."""
    signature = json.loads((content / "signature.json").read_text())
    summary = json.loads((content / "card.json").read_text())["summary"]
    return {name: summary[: field["most_characters"]] for name, field in signature["instance"].items()}
