"""`python -m ml train`: a training job from its hyperparameters to a model, a report and a run manifest."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import torch

from ml.contract import TRAINING_CHANNEL, Container, Place
from ml.data import datasets, streaming
from ml.data.cache import ShardCache
from ml.data.datasets import DataManifest, Example
from ml.models import catalogue
from ml.training import from_scratch, notices, request, run_manifest, stop
from ml.training.checkpoints import Checkpoints
from ml.training.copies import copies_at
from ml.training.loop import Outcome, Point, Run
from ml.training.request import Request
from ml.training.tracking import Tracker
from ml.training.world import World, join


def train(container: Container, place: Place) -> None:
    """Do the job as this process of its run."""
    asked = request.read(container)
    # One process of a machine listens; all stop at the same step.
    told = notices.sources(container) if place.local_rank == 0 else []
    with (
        stop.listening() as stop_request,
        notices.watched(told, stop_request, container.notice_seconds),
        join(place) as world,
    ):
        _train(container, asked, world, stop_request)


def _train(container: Container, asked: Request, world: World, stop_request: stop.StopRequest) -> None:
    manifest, data = _data(container, asked)
    world.say(f"model={asked.model} recipe={asked.recipe_name} data={manifest.version} processes={world.size}")
    if asked.data:
        world.say(f"streaming data={asked.data} shards={len(manifest.files)} cache={container.data_cache}")
    described = run_manifest.describe(container, asked, manifest, world)
    tracked = world.is_first and container.tracking_uri != ""
    tracker = _tracker(container, asked, described) if tracked else None
    finished = False
    try:
        torch.manual_seed(asked.recipe.seed)
        began = time.perf_counter()
        task = catalogue.part(asked.model, "task").build(asked.recipe, data, world)
        world.say(f"ready seconds={time.perf_counter() - began:.1f} examples={len(task.lengths)}")
        identity = json.dumps([asked.model, asked.recipe.identity(), manifest.version])
        run = Run(
            task,
            asked.recipe,
            world,
            checkpoints=Checkpoints(
                container.checkpoints,
                identity,
                world,
                keep=asked.recipe.keep_checkpoints,
                copies=copies_at(container.checkpoint_copies),
            ),
            stop=stop_request,
            report=partial(_report, world, tracker),
        )
        # `groundplan tune` compares trials at the same share of their steps.
        world.say(f"first_step={run.first_step} steps={run.steps}")
        with stop_request.deferred():
            outcome = run.finish()
            stop_request.phase = "shutdown"
            world.say("saving the model")
            weights = run.weights()
            if world.is_first:
                container.model.mkdir(parents=True, exist_ok=True)
                task.save(container.model, weights)
                _write_report(container, asked, outcome, described, data)
        finished = True
        if stop_request.requested:
            world.say(f"asked to stop by {stop_request.reason} in phase {stop_request.met_phase}; the run is done")
    finally:
        if tracker:
            tracker.close(finished=finished)


def _data(container: Container, asked: Request) -> tuple[DataManifest, dict[str, Sequence[Example]]]:
    """Open the data set where the request says that it is; a few examples of it are simply held in memory."""
    if asked.data:
        cache = ShardCache(container.data_cache, container.data_cache_gib * 2**30)
        manifest, rows = streaming.stream(asked.data, cache)
    else:
        manifest, rows = datasets.read(container.channel(TRAINING_CHANNEL))
    most = asked.recipe.most_examples
    return manifest, {name: split[:most] if most else split for name, split in rows.items()}


def _tracker(container: Container, asked: Request, described: dict[str, Any]) -> Tracker:
    parameters = {
        **described["recipe"],
        "data": described["data"]["version"],
        "git": described["git"],
        "processes": described["hardware"]["processes"],
    }
    return Tracker(
        container.tracking_uri,
        container.output_data,
        experiment=asked.model,
        name=container.job_name,
        parameters=parameters,
    )


def _report(world: World, tracker: Tracker | None, point: Point) -> None:
    values = {name: value for name, value in point.items() if name != "step"}
    world.say(f"step={point['step']} " + " ".join(f"{name}={value:.4g}" for name, value in values.items()))
    if tracker:
        tracker.metrics(point["step"], values)


def _write_report(
    container: Container,
    asked: Request,
    outcome: Outcome,
    described: dict[str, Any],
    data: Mapping[str, Sequence[Example]],
) -> None:
    """Judge the simple baseline on the same rows, and write down how all three did, the one from nothing included."""
    baseline = catalogue.part(asked.model, "baseline").accuracy(data["train"], data["test"])
    folder = catalogue.folder(asked.model)
    scratch = from_scratch.rival(folder, asked.recipe, described["data"]["version"], outcome.accuracy)
    report = {
        "model": asked.model,
        "recipe": asked.recipe_name,
        "seed": asked.recipe.seed,
        "baseline_accuracy": baseline,
        "from_scratch": scratch,
        **asdict(outcome),
    }
    (container.model / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    (container.model / "run.json").write_text(json.dumps(described, indent=2) + "\n")
    from_nothing = "unknown" if scratch["accuracy"] is None else f"{scratch['accuracy']:.4f}"
    print(
        f"final accuracy={outcome.accuracy:.4f} baseline_accuracy={baseline:.4f} steps={outcome.steps} "
        f"seconds_per_step={outcome.seconds_per_step:.4f} train_seconds={outcome.train_seconds:.1f} "
        f"from_scratch_accuracy={from_nothing} ({scratch['of']})",
        flush=True,
    )
