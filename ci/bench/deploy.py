"""Deploy of `local`: ours, Terraform alone stack after stack, and `cdktf deploy`, each on a fresh cloud."""

import subprocess
import time

from ci.bench.platform import fresh_site
from ci.bench.row import Row, compare
from ci.deploy import deploy
from ci.embedded_cloud import exports
from ci.provider_mirror import write_configuration
from ci.site import Site
from ci.state import StateStore
from ci.synthesis import synthesize
from ci.tools import find_terraform
from ci.workspace import ROOT


def ours() -> float:
    """Seconds of `groundplan deploy local`, with synthesis and init."""
    with fresh_site() as site:
        started = time.monotonic()
        deploy(site)
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


def cdktf(site_name: str = "local") -> float:
    """Seconds of `cdktf deploy 'local-*'`, with synthesis and init."""
    with fresh_site() as site:
        command = ["npx", "cdktf", "deploy", f"{site_name}-*", "--auto-approve", "--skip-provider-lock"]
        started = time.monotonic()
        _run([*command, "--output", str(site.workspace.home / "cdktf.out")], _with_exports(site))
        return time.monotonic() - started


def run() -> dict[str, Row]:
    """Measure the three, one after the other."""
    mine, bare, toolkit = ours(), terraform_alone(), cdktf()
    return {
        "deploy_over_terraform": compare(mine, {"terraform, stack after stack": bare}, unit="s", bound=1.5),
        "deploy_over_cdktf": compare(mine, {"cdktf deploy 'local-*'": toolkit}, unit="s", bound=1.0),
    }


def _with_exports(site: Site) -> dict[str, str]:
    return site.variables() | exports(site)


def _run(command: list[str], variables: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
