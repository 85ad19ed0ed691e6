"""Deploy of `local`, each on a fresh cloud: ours, Terraform stack after stack, `cdktf deploy`, and all in one state."""

import subprocess
import time

from ci.bench.one_state import write_root
from ci.bench.platform import fresh_site
from ci.bench.row import Row, compare
from ci.deploy import deploy
from ci.embedded_cloud import exports
from ci.plan import plan
from ci.provider_mirror import write_configuration
from ci.site import Site
from ci.state import StateStore
from ci.synthesis import synthesize
from ci.tools import find_terraform
from ci.workspace import ROOT


def ours() -> tuple[float, int]:
    """Seconds of `groundplan deploy local`, with synthesis and init, and the resources that it made."""
    with fresh_site() as site:
        started = time.monotonic()
        result = deploy(site)
        return time.monotonic() - started, result.resources


def saved() -> float:
    """Seconds of `groundplan deploy local --plan HASH`: of what was planned and kept, with synthesis and init."""
    with fresh_site() as site:
        name = plan(site, save=True).saved
        started = time.monotonic()
        deploy(site, plan=name)
        return time.monotonic() - started


def terraform_alone() -> float:
    """Seconds of init and apply of the same JSON, one stack after the other, without synthesis."""
    with fresh_site() as site:
        stacks = synthesize(site.environment, site.workspace)
        StateStore(site).ensure_bucket()
        variables = site.variables() | {"TF_CLI_CONFIG_FILE": str(write_configuration(site.workspace))}
        started = time.monotonic()
        for stack in stacks:
            for words in (("init",), ("apply", "-auto-approve")):
                _run([str(find_terraform()), f"-chdir={stack.folder}", *words, "-input=false", "-no-color"], variables)
        return time.monotonic() - started


def one_apply() -> float:
    """Seconds of init and apply of the same resources in a single state, without synthesis: nothing can be quicker."""
    with fresh_site() as site:
        folder = site.workspace.home / "one"
        write_root(synthesize(site.environment, site.workspace), folder)
        variables = site.variables() | {"TF_CLI_CONFIG_FILE": str(write_configuration(site.workspace))}
        started = time.monotonic()
        for words in (("init",), ("apply", "-auto-approve")):
            _run([str(find_terraform()), f"-chdir={folder}", *words, "-input=false", "-no-color"], variables)
        return time.monotonic() - started


def cdktf(site_name: str = "local") -> float:
    """Seconds of `cdktf deploy 'local-*'`, with synthesis and init."""
    with fresh_site() as site:
        command = ["npx", "cdktf", "deploy", f"{site_name}-*", "--auto-approve", "--skip-provider-lock"]
        started = time.monotonic()
        _run([*command, "--output", str(site.workspace.home / "cdktf.out")], _with_exports(site))
        return time.monotonic() - started


def run() -> dict[str, Row]:
    """Measure the five, one after the other."""
    (mine, resources), kept, bare, toolkit, floor = ours(), saved(), terraform_alone(), cdktf(), one_apply()
    each = 1000 / resources
    peers = {"one terraform apply, one state": floor * each, "cdktf deploy 'local-*'": toolkit * each}
    return {
        # Nine states start a provider nine times, where one state starts it once; what that buys is a lock, a blast
        # radius and a plan of their own for each (docs/decisions/where-state-is-cut.md).
        "deploy_rate": compare(mine * each, peers, unit="ms per resource", bound=2.5),
        "deploy_over_terraform": compare(mine, {"terraform, stack after stack": bare}, unit="s", bound=1.5),
        "deploy_over_cdktf": compare(mine, {"cdktf deploy 'local-*'": toolkit}, unit="s", bound=1.0),
        "saved_deploy_over_cdktf": compare(kept, {"cdktf deploy 'local-*'": toolkit}, unit="s", bound=1.0),
    }


def _with_exports(site: Site) -> dict[str, str]:
    return site.variables() | exports(site)


def _run(command: list[str], variables: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
