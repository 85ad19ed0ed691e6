"""The whole platform in one run: from an empty cloud to answered predictions and back to nothing."""

import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

from ci import embedded_cloud
from ci.contracts import find_endpoint
from ci.cost import CostResult, cost
from ci.deploy import DeployResult, deploy
from ci.destroy import destroy
from ci.errors import CommandError
from ci.inventory import inventory
from ci.invocation import Caller
from ci.optimize import OptimizeResult, optimize
from ci.predict import predict
from ci.progress import QUIET, Progress
from ci.release import ReleaseResult, release
from ci.report.story import Answer, CostLine, CurvePoint, Figures, ResourceSpan, StackBox, Story
from ci.site import Site
from ci.state import StateStore
from ci.train import TrainResult, train
from ci.workspace import Workspace
from infra.spec import EmbeddedCloud

if TYPE_CHECKING:
    from infra.localcloud import CloudRecord

ENVIRONMENT = "local"
SENTENCES = 10
TIMED_PREDICTIONS = 300


def demo(workspace: Workspace, *, recipe: str, out: Path, progress: Progress = QUIET) -> Figures:
    """Run it all on the embedded cloud of `local` and write demo.json and demo.html to `out`.

    A cloud that was not running is started and, whatever happens, stopped again. Raises CommandError when the cloud
    holds something already: the closing proof that nothing is left would prove nothing.
    """
    began = time.monotonic()
    with _cloud(workspace) as record:
        site = Site.reach(ENVIRONMENT, workspace)
        _refuse_unless_empty(site)
        endpoint = site.home_region.endpoints[0]
        progress.say(f"\n[1/6] Deploying {site.name} to {record.url}")
        deployed = deploy(site, progress=progress)
        progress.say(f"\n[2/6] Training {endpoint.model} by recipe {recipe!r}")
        trained = train(site, endpoint.model, recipe=recipe, progress=progress)
        progress.say("\n[3/6] Optimizing it to ONNX")
        optimized = optimize(site, endpoint.model, job=trained.job, progress=progress)
        progress.say("\n[4/6] Releasing it: gate, signature, registry, approval, endpoint")
        released = release(site, endpoint.model, job=optimized.job, progress=progress)
        progress.say(f"\n[5/6] Asking {endpoint.name}")
        answers = _answers(site, endpoint.name, endpoint.model, progress)
        latencies = _latencies(site, endpoint.name, [answer.text for answer in answers])
        spent = cost(site)
        for value, usd in spent.usd.items():
            progress.say(f"  ${usd:.6f}  {spent.by}={value}")
        progress.say(f"  {spent.prices}")
        progress.say(f"\n[6/6] Destroying {site.name}")
        orphans = _destroy_and_count(site, record, progress)
    story = _story(deployed, trained, optimized, released, answers, latencies, spent, orphans, time.monotonic() - began)
    _write(story, out)
    return story.figures


@contextmanager
def _cloud(workspace: Workspace) -> "Iterator[CloudRecord]":
    import environments

    target = environments.load(ENVIRONMENT).target
    assert isinstance(target, EmbeddedCloud), f"environments/{ENVIRONMENT}.py must live on an embedded cloud"
    ran = any(cloud.name == target.name for cloud in embedded_cloud.status(workspace).clouds)
    record = embedded_cloud.start(target.name, workspace)
    try:
        yield record
    finally:
        if not ran:
            embedded_cloud.stop(target.name, workspace)


def _refuse_unless_empty(site: Site) -> None:
    store = StateStore(site)
    store.remove_bucket()
    if found := inventory(site).resources:
        store.ensure_bucket()
        raise CommandError(
            thing="demo",
            value=f"{len(found)} resources, such as {found[0].service} {found[0].id}",
            rule="are in the embedded cloud already",
            fix=f"run `groundplan destroy {site.name}` or `groundplan cloud stop` first",
        )


def _answers(site: Site, endpoint: str, model: str, progress: Progress) -> tuple[Answer, ...]:
    """Ask about held-out sentences, one request each, as a caller would."""
    from ml.data import datasets

    _, data = datasets.read(site.workspace.home / "datasets" / model)
    answers = []
    for row in data["test"][:SENTENCES]:
        found = predict(site, endpoint, [row.text]).predictions[0]
        answers.append(
            Answer(
                text=row.text,
                expected=row.label,
                label=found.answer["label"],
                score=found.answer["score"],
                milliseconds=found.milliseconds,
            )
        )
        said = answers[-1]
        mark = "✓" if said.label == said.expected else "✗"
        progress.say(f"  {mark} {said.label} {said.score:.2f}  {textwrap.shorten(row.text, 90)}")
    return tuple(answers)


def _latencies(site: Site, endpoint: str, texts: list[str]) -> tuple[float, ...]:
    """Milliseconds of single predictions through the signed AWS client, one after the other."""
    region, contract = find_endpoint(site, endpoint)
    caller = Caller(site, region.name, contract)
    took = []
    for index in range(TIMED_PREDICTIONS):
        started = time.perf_counter()
        caller.ask([{"text": texts[index % len(texts)]}])
        took.append((time.perf_counter() - started) * 1000)
    return tuple(took)


def _destroy_and_count(site: Site, record: "CloudRecord", progress: Progress) -> int:
    """Destroy the environment and count what is left of it: resources, and processes of jobs and endpoints."""
    import psutil

    left = destroy(site, progress=progress).orphans
    processes = psutil.Process(record.pid).children(recursive=True)
    for resource in left:
        progress.say(f"left: {resource.service} {resource.type} {resource.id}")
    for process in processes:
        progress.say(f"left running: process {process.pid} {process.name()}")
    return len(left) + len(processes)


def _story(
    deployed: DeployResult,
    trained: TrainResult,
    optimized: OptimizeResult,
    released: ReleaseResult,
    answers: tuple[Answer, ...],
    latencies: tuple[float, ...],
    spent: CostResult,
    orphans: int,
    seconds: float,
) -> Story:
    percentiles = quantiles(latencies, n=100)
    report = trained.report or {}
    figures = Figures(
        resources=deployed.resources,
        seconds=round(seconds, 1),
        deploy_seconds=deployed.seconds,
        train_seconds=report["train_seconds"],
        seconds_per_step=report["seconds_per_step"],
        accuracy=released.accuracy,
        baseline_accuracy=released.baseline_accuracy,
        parity_max_abs_diff=optimized.report["parity"]["max_abs_diff"],
        p50_ms=round(percentiles[49], 2),
        p99_ms=round(percentiles[98], 2),
        cold_start_ms=released.endpoints[0].proof_milliseconds,
        cost_usd=spent.total_usd,
        orphans=orphans,
    )
    return Story(
        title=f"Groundplan: {deployed.environment}, from nothing to nothing",
        figures=figures,
        stacks=tuple(
            StackBox(name=stack.stack, after=stack.after, resources=stack.types, seconds=stack.seconds)
            for stack in deployed.stacks
        ),
        spans=tuple(
            ResourceSpan(stack=stack.stack, address=at.address, started=at.started_seconds, ended=at.ended_seconds)
            for stack in deployed.stacks
            for at in stack.spans
        ),
        curve=tuple(CurvePoint(step=point["step"], loss=point["loss"]) for point in report["curve"] if "loss" in point),
        latencies_ms=latencies,
        answers=answers,
        costs=tuple(CostLine(tag=f"{spent.by}={value}", usd=usd) for value, usd in spent.usd.items()),
        price_note=spent.prices,
    )


def _write(story: Story, out: Path) -> None:
    from ci.report.page import render

    out.mkdir(parents=True, exist_ok=True)
    (out / "demo.json").write_text(story.figures.model_dump_json(indent=2) + "\n")
    (out / "demo.html").write_text(render(story))
