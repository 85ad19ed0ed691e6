"""The one command of the images: `python -m ml train | optimize | serve | fetch`.

Each reads its files where Amazon SageMaker puts them, under /opt/ml or the folder that SAGEMAKER_BASE_DIR names.
"""

import argparse
import sys
import traceback
from pathlib import Path

from ml import contract
from ml.contract import Container
from ml.errors import InputError, MlError, StoppedError, nearest

EXAMPLES = """examples, on a laptop:
  python -m ml fetch --cache .cache/datasets --model review_sentiment --out /tmp/job/input/data/training
  mkdir -p /tmp/job/input/config
  echo '{"model": "review_sentiment", "recipe": "debug"}' > /tmp/job/input/config/hyperparameters.json
  SAGEMAKER_BASE_DIR=/tmp/job python -m ml train
  SAGEMAKER_BASE_DIR=/tmp/job python -m ml train --processes 2    # a process that is lost is started again
  SAGEMAKER_BASE_DIR=/tmp/job torchrun --nproc-per-node 2 -m ml train
"""
FAILURE_CHARACTERS = 1024


def main(arguments: list[str] | None = None, container: Container | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for what the caller can mend, 143 when stopped, 1 for a defect.

    `container` is what the environment says, if not given.
    """
    options = _parser().parse_args(arguments)
    contract.let_waiting_threads_sleep()
    try:
        return _run(options, container or contract.container())
    except MlError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _run(options: argparse.Namespace, container: Container) -> int:
    try:
        options.run(container, options)
    except StoppedError as stopped:
        print(f"stopped: {stopped}", file=sys.stderr, flush=True)
        return stopped.exit_code
    except Exception as error:
        if options.is_job:
            _write_failure(container, error)
        if isinstance(error, MlError):
            raise
        traceback.print_exc()
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ml", description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="train | optimize | serve | fetch")
    for run, is_job, says in (
        (train, True, "train the model that input/config/hyperparameters.json names"),
        (optimize, True, "turn a trained model into the one that is served, with proof of parity"),
        (serve, False, "answer /ping, /invocations and /v1/predict with the bundles in model/"),
        (fetch, False, "fetch the data that models are trained on"),
    ):
        command = commands.add_parser(run.__name__, help=says, description=says, allow_abbrev=False)
        command.set_defaults(run=run, is_job=is_job)
        if run is train:
            command.add_argument("--processes", type=int, metavar="N", help="on this machine (default: one a GPU)")
        if run is fetch:
            command.add_argument("--cache", type=Path, required=True, help="folder that keeps what was downloaded")
            command.add_argument("--model", help="the model whose data to fetch (default: every model's)")
            command.add_argument(
                "--out", type=Path, help="also write the model's train and test sets and manifest here"
            )
    return parser


def train(container: Container, options: argparse.Namespace) -> None:
    """Train, as one process, as one of those that a launcher started, or as their launcher."""
    from ml.launchers import launch

    launch.train(container, options.processes)


def optimize(container: Container, _options: argparse.Namespace) -> None:
    """Export the trained model of the channel `model`."""
    from ml.optimization import job

    job.optimize(container)


def serve(container: Container, _options: argparse.Namespace) -> None:
    """Serve the bundle in the model folder until SIGTERM."""
    from ml.serving import server

    server.serve(container)


def fetch(_container: Container, options: argparse.Namespace) -> None:
    """Fetch into the cache what models are trained on."""
    from ml.data import datasets, sources
    from ml.models import catalogue

    if options.out:
        if not options.model:
            raise InputError("option --out", str(options.out), "needs --model", nearest("", catalogue.names()))
        manifest = datasets.prepare(options.model, options.cache, options.out)
        print(f"data model={options.model} version={manifest.version} out={options.out}", flush=True)
        return
    for model in (options.model,) if options.model else catalogue.names():
        sources.fetch(catalogue.part(model, "data").SOURCE, options.cache)


def _write_failure(container: Container, error: Exception) -> None:
    """Leave the reason where the platform looks for it; a defect comes with the end of its traceback.

    Of several processes the first tells it: the others fail only because that one did.
    """
    if container.place and container.failure.exists():
        return
    reason = str(error)
    if not isinstance(error, MlError):
        reason = f"{type(error).__name__}: {error}\n\n"
        reason += traceback.format_exc()[-max(0, FAILURE_CHARACTERS - len(reason)) :]
    container.failure.parent.mkdir(parents=True, exist_ok=True)
    container.failure.write_text(reason[:FAILURE_CHARACTERS])


if __name__ == "__main__":
    sys.exit(main())
