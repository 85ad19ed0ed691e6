"""The one door to the CDK: a stack with its provider, its state, its tags, and addresses fit to be read in a plan."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from cdktf import (
    App,
    Fn,
    S3Backend,
    S3BackendAssumeRoleConfig,
    TerraformDataSource,
    TerraformElement,
    TerraformLocal,
    TerraformResource,
    TerraformStack,
    TerraformVariable,
)
from cdktf_cdktf_provider_aws.provider import AwsProvider, AwsProviderAssumeRole, AwsProviderDefaultTags
from constructs import Construct

from infra.binding_checks import cheap_checks
from infra.naming import stack_id
from infra.spec import AwsAccount, EmbeddedCloud, Environment
from infra.spec.errors import ToolkitError

__all__ = ["Construct", "Stack", "in_base64", "new_app", "other_account", "skip_check", "stack_order"]

# What a fresh machine without an account can answer. There is no `endpoints` block: one of any size costs the provider
# five seconds and more at each start, and AWS_ENDPOINT_URL says the same.
_ON_EMBEDDED_CLOUD: Mapping[str, Any] = {
    "access_key": "test",
    "secret_key": "test",
    "skip_credentials_validation": True,
}


def skip_check(element: TerraformResource | TerraformDataSource, **reasons: str) -> None:
    """Say why checks of checkov, by their ids, do not hold for an element. `groundplan policy` prints each reason.

    The reasons travel with the element in its stack's JSON, as a comment that Terraform leaves alone. A skip that
    nothing needs any more is an error of the command.
    """
    if isinstance(element, TerraformResource):
        owner: TerraformElement | TerraformStack = element
        place = "//.skipped_checks"
    else:
        # A data source drops comments of its own.
        owner = element.cdktf_stack
        place = f"data.{element.terraform_resource_type}.{element.friendly_unique_id}.//.skipped_checks"
    if reasons:
        owner.add_override(place, reasons)


@contextmanager
def new_app(outdir: Path) -> Iterator[App]:
    """Give an app to add stacks to, and write them below `outdir` at the end."""
    app = App(outdir=str(outdir))
    try:
        with cheap_checks():
            yield app
        app.synth()
    except RuntimeError as error:
        # An error of ours comes back from Node as a RuntimeError with a traceback of both languages in it.
        if taken := re.search(r"address taken: (\{.*\})", str(error)):
            raise _address_taken(**json.loads(taken[1])) from error
        raise


def _address_taken(path: str, address: str, owner: str) -> ToolkitError:
    rule = f"has the address {address}, which is that of {owner!r}"
    return ToolkitError(thing="resource", value=repr(path), rule=rule, fix="rename one of the two")


def stack_order(outdir: Path) -> list[str]:
    """Return the ids of the stacks below `outdir`, those that others need first."""
    manifest = json.loads((outdir / "manifest.json").read_text())
    waiting = {id: set(stack["dependencies"]) for id, stack in manifest["stacks"].items()}
    return list(TopologicalSorter(waiting).static_order())


def in_base64(scope: Construct, id: str, text: str) -> str:
    """Return what encodes `text`, in which values may stand that Terraform knows later. All else stays as it is.

    The text is a local value: the toolkit's functions refuse quotes, or lose backslashes and such values.
    """
    taken_literally = re.sub(r"\$\{(?!TfToken\[)", "$${", text).replace("%{", "%%{")
    return Fn.base64encode(TerraformLocal(scope, id, taken_literally).as_string)


class Stack(TerraformStack):
    """One Terraform state: a component of an environment, in one region."""

    def __init__(self, scope: Construct, environment: Environment, region: str, component: str) -> None:
        super().__init__(scope, stack_id(environment.name, region, component))
        self.tags = environment.tags(component)
        _provider(self, environment, region, self.tags)
        _backend(self, environment, f"{environment.name}/{region}/{component}.tfstate")


def _provider(stack: Stack, environment: Environment, region: str, tags: Mapping[str, str]) -> None:
    role_arn = environment.target.role_arn if isinstance(environment.target, AwsAccount) else None
    # A plan made with the credentials of another account stops here.
    _aws(stack, "_provider", environment, region, tags, role_arn=role_arn, allowed_account_ids=[environment.account_id])


def other_account(
    stack: "Stack", id: str, *, environment: Environment, region: str, role_arn: str | None
) -> AwsProvider | None:
    """Return the way into another account, by a role in it; None (the stack's own account) where there is no role.

    The role is a variable, `<id>_role`: who only plans takes one that only reads. It is ephemeral, for Terraform
    applies a saved plan with no other value of what it keeps.
    """
    if role_arn is None:
        return None
    role = TerraformVariable(stack, f"{id}_role", type="string", default=role_arn)
    role.add_override("ephemeral", True)
    return _aws(stack, id, environment, region, stack.tags, role_arn=role.string_value, alias=id)


def _aws(
    scope: Construct,
    id: str,
    environment: Environment,
    region: str,
    tags: Mapping[str, str],
    *,
    role_arn: str | None,
    **settings: Any,
) -> AwsProvider:
    if isinstance(environment.target, EmbeddedCloud):
        settings |= {**_ON_EMBEDDED_CLOUD, "skip_metadata_api_check": "true", "s3_use_path_style": True}
    if role_arn is not None:
        settings["assume_role"] = [AwsProviderAssumeRole(role_arn=role_arn)]
    return AwsProvider(scope, id, region=region, default_tags=[AwsProviderDefaultTags(tags=dict(tags))], **settings)


def _backend(stack: Stack, environment: Environment, key: str) -> None:
    settings: dict[str, Any] = {}
    match environment.target:
        case EmbeddedCloud():
            settings = {**_ON_EMBEDDED_CLOUD, "skip_metadata_api_check": True, "use_path_style": True}
        case AwsAccount(role_arn=str(role_arn)):
            settings = {"assume_role": S3BackendAssumeRoleConfig(role_arn=role_arn)}
    state = environment.state
    backend = S3Backend(stack, bucket=state.bucket, key=key, region=state.region, **settings)
    # No `encrypt`: it would ask for S3's own key in the place of the bucket's (stacks/bootstrap.py).
    # A lock file beside the state; the bindings are older than the option.
    backend.add_override("use_lockfile", True)
