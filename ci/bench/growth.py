"""How synthesis and deploy grow from one region to eight. Linear is the bound: what regions share is paid once.

Synthesis: whole regions of prod. Deploy: regions of `local` without pools, clusters and endpoints, for eight whole ones
take a quarter of an hour; every stack of a region is still there, with its network, its buckets, keys and roles.
"""

import tempfile
import time
from pathlib import Path

import environments
from ci.bench.platform import fresh_site
from ci.bench.process import best, measure, python
from ci.bench.regions import NAMES, with_regions
from ci.bench.row import Row, compare
from ci.child_environment import child_environment
from ci.deploy import DeployResult, deploy
from ci.workspace import ROOT

ROUNDS = 3
MANY = len(NAMES)
THIN: dict[str, object] = {"gpu_pools": (), "clusters": (), "endpoints": ()}

SYNTH = """
import sys, pathlib, environments, app
from ci.bench.regions import with_regions
app.write([with_regions(environments.load("prod"), int(sys.argv[2]))], pathlib.Path(sys.argv[1]))
"""


def synth_seconds(regions: int) -> float:
    """Seconds to synthesize prod with this many regions, the best of a few runs."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            measure(python("-c", SYNTH, str(Path(folder) / str(turn)), str(regions)), cwd=ROOT, env=child_environment())
            for turn in range(ROUNDS)
        ]
    return best(runs).seconds


def deployed(regions: int) -> tuple[float, DeployResult]:
    """Deploy this many thin regions to a fresh cloud and return the seconds, synthesis and init among them."""
    environment = with_regions(environments.load("local"), regions, **THIN)
    with fresh_site(environment) as site:
        started = time.monotonic()
        result = deploy(site)
        return time.monotonic() - started, result


def run() -> dict[str, Row]:
    """Measure one region, then eight; eight times the one is what a loop over regions would take."""
    one, many = synth_seconds(1), synth_seconds(MANY)
    small, one_region = deployed(1)
    large, all_regions = deployed(MANY)
    of_one, of_many = 1000 * small / one_region.resources, 1000 * large / all_regions.resources
    return {
        "synth_growth": compare(many, {f"{MANY} times one region": MANY * one}, unit="s", bound=1.0),
        "deploy_growth": compare(large, {f"{MANY} times one region": MANY * small}, unit="s", bound=1.0),
        "deploy_growth_rate": compare(of_many, {"one region": of_one}, unit="ms per resource", bound=1.0),
    }
