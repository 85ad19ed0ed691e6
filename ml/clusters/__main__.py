"""``python -m ml.clusters node|plan``, in the container that runs Ray: the machines' scripts read what it prints."""

import argparse
import sys

from ml.clusters import ray_state
from ml.clusters.demand import Shape, plan


def main(arguments: list[str] | None = None) -> int:
    """Answer one question; 0 is yes or done, 1 is no."""
    given = _parser().parse_args(arguments)
    if given.question == "node":
        found = ray_state.node_id(given.address, given.instance)
        print(found or "")
        return 0 if found else 1
    workers, waiting = ray_state.workers_and_waiting(given.address)
    shape = Shape(cpus=given.cpus, gpus=given.gpus)
    made = plan(workers, waiting, shape=shape, group_size=given.group_size, idle_seconds=given.idle_seconds)
    print(f"percent {made.percent}")
    for instance in made.idle:
        print(f"idle {instance}")
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
    return parser


if __name__ == "__main__":
    sys.exit(main())
