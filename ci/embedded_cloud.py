"""The embedded clouds of this checkout: start, stop, list, and the variables that point other programs at one."""

import shlex
from collections.abc import Iterator

from ci.provider_mirror import write_configuration
from ci.result import Result
from ci.site import Site
from ci.state import StateStore
from ci.workspace import Workspace
from infra import localcloud
from infra.localcloud import CloudRecord
from infra.spec import EmbeddedCloud


class Clouds(Result):
    """The clouds that run."""

    clouds: tuple[CloudRecord, ...]


class Stopped(Result):
    """Whether there was a cloud to stop."""

    name: str
    ran: bool


class Exports(Result):
    """Variables for other programs."""

    variables: dict[str, str]


def start(
    name: str, workspace: Workspace, *, port: int | None = None, account_id: str = localcloud.ACCOUNT_ID
) -> CloudRecord:
    """Start the cloud `name`, or return it as it runs, with the state buckets of the environments that live on it."""
    record = localcloud.start(name, workspace.home, program=workspace.root, port=port, account_id=account_id)
    for site in _sites_on(record, workspace):
        StateStore(site).ensure_bucket()
    return record


def stop(name: str, workspace: Workspace) -> bool:
    """Stop the cloud `name` and all that runs in it; False if it did not run."""
    return localcloud.stop(name, workspace.home)


def status(workspace: Workspace) -> Clouds:
    """Return the clouds that run."""
    return Clouds(clouds=localcloud.running(workspace.home))


# What `groundplan cloud env` prints: enough for the AWS CLI, boto3, Terraform and cdktf, and nothing of the user's own.
EXPORTED = (
    *("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"),
    *("AWS_EC2_METADATA_DISABLED", "CHECKPOINT_DISABLE", "DISABLE_VERSION_CHECK", "GOGC"),
    *("JSII_NODE", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"),
)


def exports(site: Site) -> dict[str, str]:
    """Return the variables that make plain boto3, Terraform and cdktf-cli work on the site's AWS."""
    StateStore(site).ensure_bucket()
    variables = site.variables()
    chosen = {name: variables[name] for name in EXPORTED if name in variables}
    return chosen | {"TF_CLI_CONFIG_FILE": str(write_configuration(site.workspace)), "CI": "1"}


def as_shell(variables: dict[str, str]) -> str:
    """Return `export` lines for `eval`."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


def _sites_on(record: CloudRecord, workspace: Workspace) -> Iterator[Site]:
    import environments

    for name in environments.names():
        environment = environments.load(name)
        if environment.target == EmbeddedCloud(name=record.name):
            yield Site(environment, workspace, record.url)
