"""``python -m ml.clusters node|plan|train|jobs``, in the container that runs Ray.

The machines' scripts read what `node` and `plan` print; `train` runs a job on the cluster and waits for its end, `jobs`
goes on doing what is ordered in S3.
"""

import argparse
import fcntl
import sys
import tempfile
from pathlib import Path
from zlib import crc32

from ml.clusters import ray_state
from ml.clusters.demand import Shape, plan
from ml.errors import MlError


def main(arguments: list[str] | None = None) -> int:
    """Answer one question; 0 is yes or done, 1 is no."""
    given = _parser().parse_args(arguments)
    if given.question == "node":
        found = ray_state.node_id(given.address, given.instance)
        print(found or "")
        return 0 if found else 1
    if given.question == "train":
        return _train(given)
    if given.question == "jobs":
        return _serve(given)
    workers, waiting = ray_state.workers_and_waiting(given.address)
    shape = Shape(cpus=given.cpus, gpus=given.gpus)
    made = plan(workers, waiting, shape=shape, group_size=given.group_size, idle_seconds=given.idle_seconds)
    print(f"percent {made.percent}")
    for instance in made.idle:
        print(f"idle {instance}")
    return 0


def _train(given: argparse.Namespace) -> int:
    from ml.clusters.train import train
    from ml.launchers import assignment

    try:
        job = assignment.read(given.assignment)
        train(given.address, job, workers=given.workers, cpus=given.cpus, gpus=given.gpus)
    except MlError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    return 0


def _serve(given: argparse.Namespace) -> int:
    import boto3

    from ml.clusters.job_log import Logs
    from ml.clusters.jobs import Jobs

    # Who asked this process to run may be gone while it goes on, and have a successor who asks again.
    place = Path(tempfile.gettempdir()) / f"jobs-of-{crc32(given.address.encode())}.lock"
    with place.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"error: another process takes the jobs of {given.address}", file=sys.stderr, flush=True)
            return 1
        Jobs(given.address, given.folder, Logs(boto3.client("logs"), given.log_group)).serve(given.every)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ml.clusters", description=__doc__)
    parser.add_argument("--address", required=True, help="host and port of the head")
    questions = parser.add_subparsers(dest="question", required=True)
    node = questions.add_parser("node", help="what does Ray call this machine?")
    node.add_argument("instance", help="its EC2 id")
    wanted = questions.add_parser("plan", help="how many workers does the work need?")
    wanted.add_argument("--group-size", type=int, required=True, help="machines that the group was told to have")
    wanted.add_argument("--cpus", type=float, required=True, help="of one worker")
    wanted.add_argument("--gpus", type=float, required=True, help="of one worker")
    wanted.add_argument("--idle-seconds", type=float, required=True, help="after which a worker may end")
    train = questions.add_parser("train", help="run a training job on the cluster's workers")
    train.add_argument("assignment", help="what to do, as JSON: job, hyperparameters, channels, checkpoints, output")
    train.add_argument("--workers", type=int, required=True, help="how many processes share the work")
    train.add_argument("--cpus", type=float, default=1, help="of each")
    train.add_argument("--gpus", type=float, default=0, help="of each")
    jobs = questions.add_parser("jobs", help="do what is ordered in S3, until SIGTERM")
    jobs.add_argument("folder", help="the cluster's, as s3://bucket/prefix")
    jobs.add_argument("--log-group", required=True, help="where the jobs' lines go")
    jobs.add_argument("--every", type=float, default=5, help="seconds between two looks")
    return parser


if __name__ == "__main__":
    sys.exit(main())
