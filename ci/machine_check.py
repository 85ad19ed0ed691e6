"""What of this machine a deploy needs."""

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator

from ci.child_environment import child_environment
from ci.errors import MissingToolError
from ci.finding import Finding
from ci.provider_mirror import VERSION, find_mirror, held
from ci.tools import OLDEST_NODE, check_version, find_terraform, need_node
from ci.workspace import Workspace

# The AWS provider alone is 700 MB once it is unpacked.
_LEAST_GB, _GOOD_GB = 1.5, 5.0


def check_machine(workspace: Workspace) -> Iterator[Finding]:
    """Yield what is to be said of the tools, the provider, the disk and the ports."""
    terraform, platform = _terraform()
    yield terraform
    yield _node()
    yield _provider(workspace, platform)
    yield _disk(workspace)
    yield check_ports()


def _terraform() -> tuple[Finding, str]:
    """What is to be said of Terraform, and the platform that it wants providers for, where it tells."""
    try:
        program = find_terraform()
        version, platform = check_version(program, child_environment())
    except MissingToolError as error:
        return Finding.of_error("terraform", error), ""
    return Finding(check="terraform", state="ok", told=f"{version} at {program}"), platform


def _node() -> Finding:
    try:
        program = need_node()
    except MissingToolError as error:
        return Finding.of_error("node", error)
    oldest = ".".join(map(str, OLDEST_NODE))
    # Set-up takes the one from a package only where there is none.
    fix = f"put Node.js {oldest} or newer first on PATH; or take this one off it and run `make setup`, which brings one"
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.(\d+)\.", answer.stdout)
    if answer.returncode != 0 or not version:
        return Finding(check="node", state="fail", told=f"{program} does not run", fix=fix)
    told = f"{answer.stdout.strip()} at {program}"
    if tuple(map(int, version.groups())) < OLDEST_NODE:
        return Finding(check="node", state="fail", told=f"{told}: the toolkit wants {oldest} or newer", fix=fix)
    return Finding(check="node", state="ok", told=told)


def _provider(workspace: Workspace, platform: str) -> Finding:
    """Where the provider comes from: it must be there for Terraform's platform, in the version that stacks require."""
    try:
        mirror = find_mirror(workspace.provider_mirror, workspace.root)
    except MissingToolError as error:
        return Finding.of_error("provider", error)
    # Where Terraform itself is missing, that is the finding: then any platform's will do.
    wanted = f"{VERSION}_{platform}"
    if mirror and any(name.startswith(wanted) for name in held(mirror)):
        return Finding(check="provider", state="ok", told=f"{VERSION} from the mirror {mirror}")
    if mirror:
        told = f"the mirror {mirror} lacks {wanted}, which Terraform will look for there alone; it holds "
        fix = f"fill it: in a synthesized stack, terraform providers mirror -platform={platform} {mirror}; or name "
        fix += "another: --provider-mirror FOLDER"
        return Finding(check="provider", state="fail", told=told + (", ".join(held(mirror)) or "none"), fix=fix)
    if any(name.startswith(wanted) for name in held(workspace.plugins)):
        return Finding(check="provider", state="ok", told=f"{VERSION}, unpacked by an earlier run")
    told = "no mirror: Terraform will fetch the AWS provider (700 MB) from the public registry"
    return Finding(check="provider", state="warn", told=told, fix="name a mirror if that is slow: --provider-mirror")


def _disk(workspace: Workspace) -> Finding:
    place = next(folder for folder in (workspace.home, *workspace.home.parents) if folder.exists())
    free = shutil.disk_usage(place).free / 2**30
    if free >= _GOOD_GB:
        return Finding(check="disk", state="ok", told=f"{free:.0f} GiB free at {place}")
    fix = "remove what is not needed, or work in another folder: --home FOLDER"
    return Finding(check="disk", state="fail" if free < _LEAST_GB else "warn", told=f"{free:.1f} GiB free", fix=fix)


def check_ports(host: str = "127.0.0.1") -> Finding:
    """Open a port and call it, as Terraform's providers, the synthesis and the embedded cloud do."""
    try:
        with socket.create_server((host, 0)) as server, socket.create_connection(server.getsockname(), timeout=1):
            return Finding(check="ports", state="ok", told=f"{host} gives free ones and can be called")
    except OSError as error:
        fix = "let programs of this machine open and call ports of 127.0.0.1: look at its firewall or sandbox"
        return Finding(
            check="ports", state="fail", told=f"no port of {host} can be opened and called: {error}", fix=fix
        )
