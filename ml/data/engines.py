"""Where pieces of work are done: in this process, in several, or on a cluster of Ray; the results are the same."""

import logging
import pickle
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol, TypeVar

import ml

Work = TypeVar("Work")
Made = TypeVar("Made")


class Engine(Protocol):
    """Calls `make`, a function of a module, on each piece of work; yields what it made, in no promised order."""

    def __call__(self, make: Callable[[Work], Made], work: Sequence[Work]) -> Iterator[Made]:
        """Do all the work, a bounded part of it at a time."""
        ...


def in_process(make: Callable[[Work], Made], work: Sequence[Work]) -> Iterator[Made]:
    """Do it here, one piece after the other."""
    return map(make, work)


def workers(count: int) -> Engine:
    """Do it in `count` processes of this machine, each started anew: nothing of this one's state leaks into them."""

    def run(make: Callable[[Work], Made], work: Sequence[Work]) -> Iterator[Made]:
        with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
            waiting = deque(pool.submit(make, one) for one in work[: 2 * count])
            for one in work[2 * count :]:
                yield waiting.popleft().result()
                waiting.append(pool.submit(make, one))
            while waiting:
                yield waiting.popleft().result()

    return run


def on_ray(address: str) -> Engine:
    """Do it with Ray Data on the cluster at `address` (`auto`, `host:6379`, `ray://host:10001`; `local` starts one).

    The cluster is sent the very code that runs here: what its image holds may be older.
    """

    def run(make: Callable[[Work], Made], work: Sequence[Work]) -> Iterator[Made]:
        import ray
        from ray import data

        logging.getLogger("ray.data").setLevel(logging.ERROR)

        code = {"py_modules": [str(Path(ml.__file__).parent)]}
        with ray.init(address, runtime_env=code, log_to_driver=False, logging_level="ERROR", include_dashboard=False):
            data.DataContext.get_current().enable_progress_bars = False
            rows: Any = data.from_items([{"work": pickle.dumps(one)} for one in work], override_num_blocks=len(work))
            made = rows.map(lambda row: {"made": pickle.dumps(make(pickle.loads(row["work"])))})  # noqa: S301
            for row in made.iter_rows():
                yield pickle.loads(row["made"])  # noqa: S301 - our own, from our own cluster

    return run
