"""pipeline: from data to the registry, as SageMaker runs it by itself."""

from typing import Annotated

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, ModelName, site


def pipeline(
    environment: EnvironmentName,
    model: ModelName,
    recipe: Annotated[str, typer.Option(metavar="NAME", help="What a start trains by unless it says.")] = "laptop",
    optimization: Annotated[str, typer.Option(metavar="NAME", help="One of the model's optimizations.")] = "exact",
    sdk: Annotated[bool, typer.Option("--sdk", help="Let the `sagemaker` SDK write it (extra `sagemaker`).")] = False,
    upsert: Annotated[bool, typer.Option("--upsert", help="Make it, or bring the one that is there to this.")] = False,
    start: Annotated[bool, typer.Option("--start", help="Put it, start it and follow it to its end.")] = False,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Show a model's SageMaker Pipeline: train, optimize, evaluate, register; --upsert puts it, --start runs it.

    Example: groundplan pipeline local review_sentiment --upsert
    """
    from ci import console
    from ci.pipeline import pipeline as define

    progress = console.terminal_progress()
    found = define(
        site(environment, home), model, recipe=recipe, optimization=optimization, by_sdk=sdk, upsert=upsert,
        start=start, progress=progress,
    )  # fmt: skip
    steps = " → ".join(f"{step['Name']} ({step['Type']})" for step in found.definition["Steps"])
    put = found.arn or f"not put: groundplan pipeline {environment} {model} --upsert"
    ended = "".join(f"\n{step}: {status}" for step, status in (found.steps or {}).items())
    console.show(found, json, f"{found.name}: {steps}\n{put}{ended}")
