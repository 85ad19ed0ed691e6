"""What an environment stands on: made once by Terraform, its state moved into its own bucket, and taken down again."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

import app
import environments
from ci.bootstrap import BootstrapResult, bootstrap, remove
from ci.changes.saved import PlanStore, SavedPlan
from ci.cli import run
from ci.errors import CommandError, NotDeployedError
from ci.github_gates import commands
from ci.inventory import inventory
from ci.sign_in import sign_in
from ci.site import Site
from ci.state import StateStore
from ci.workspace import Workspace
from infra import localcloud
from infra.naming import Names
from infra.spec import AwsAccount, EmbeddedCloud, GithubSpec, GitlabSpec, PayerSpec, PreviewSpec, SpecError
from tests.ci.conftest import REPOSITORY
from tests.stacks.iam import Request, is_allowed

PROVIDER = "token.actions.githubusercontent.com"


def document(outdir: Path, name: str = "dev", **changes: Any) -> dict[str, Any]:
    """The Terraform JSON of an environment's bootstrap."""
    app.write([environments.load(name).model_copy(update=changes)], outdir, bootstrap=True)
    (file,) = outdir.glob("stacks/*/cdk.tf.json")
    read: dict[str, Any] = json.loads(file.read_text())
    return read


def statements(policy: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(policy)["Statement"]
    return found


NUMBERED = GithubSpec(repository="acme/models", owner_id="12", repository_id="345", branch="trunk")


@pytest.mark.parametrize(
    ("github", "who"),
    [
        (GithubSpec(repository="acme/models", branch="trunk"), "repo:acme/models"),
        (NUMBERED, "repo:acme@12/models@345"),
    ],
)
def test_only_named_workflows_take_a_role_and_no_wildcard_lets_another_in(
    github: GithubSpec, who: str, tmp_path: Path
) -> None:
    roles = document(tmp_path, github=github)["resource"]["aws_iam_role"]
    found = {}
    for name, role in roles.items():
        (trust,) = statements(role["assume_role_policy"])
        assert trust["Action"] == ["sts:AssumeRoleWithWebIdentity"]
        ((operator, claims),) = trust["Condition"].items()
        assert operator == "StringEquals"
        assert claims[f"{PROVIDER}:aud"] == "sts.amazonaws.com"
        found[name] = (claims[f"{PROVIDER}:sub"], claims.get(f"{PROVIDER}:ref"))
        assert role["permissions_boundary"] == "${aws_iam_policy.workflows.arn}"
    trunk = f"{who}:ref:refs/heads/trunk"
    assert found == {
        "plan": ([f"{who}:pull_request", trunk], None),
        "deploy": ([f"{who}:environment:dev"], "refs/heads/trunk"),
        "reap": ([trunk], None),
        "preview": ([f"{who}:environment:dev-preview", trunk], None),
    }


MAIN, OTHER, MERGE = "refs/heads/trunk", "refs/heads/mine", "refs/pull/7/merge"
OURS = "repo:acme@12/models@345"


@pytest.mark.parametrize(
    ("subject", "ref", "taken"),
    [
        (f"{OURS}:environment:dev", MAIN, {"deploy"}),
        # A workflow that somebody changed on a branch of his own, where GitHub's environment asks nobody.
        (f"{OURS}:environment:dev", OTHER, set()),
        (f"{OURS}:environment:dev", MERGE, set()),
        (f"{OURS}:environment:dev", None, set()),
        (f"{OURS}:environment:dev-preview", MERGE, {"preview"}),
        (f"{OURS}:pull_request", MERGE, {"plan"}),
        (f"{OURS}:ref:{MAIN}", MAIN, {"plan", "preview", "reap"}),
        (f"{OURS}:ref:{OTHER}", OTHER, set()),
        # Somebody made a repository of that name again, or GitHub writes the names alone.
        ("repo:acme@12/models@346:environment:dev", MAIN, set()),
        ("repo:acme/models:environment:dev", MAIN, set()),
    ],
)
def test_aws_lets_a_workflow_take_what_it_needs_from_where_it_runs(
    subject: str, ref: str | None, taken: set[str], tmp_path: Path
) -> None:
    claims = {f"{PROVIDER}:aud": "sts.amazonaws.com", f"{PROVIDER}:sub": subject}
    asked = Request("sts:AssumeRoleWithWebIdentity", "*", claims | ({f"{PROVIDER}:ref": ref} if ref else {}))
    found = set()
    for name, role in document(tmp_path, github=NUMBERED)["resource"]["aws_iam_role"].items():
        (trust,) = statements(role["assume_role_policy"])
        # The service looks for a trust first, and at nothing else: whoever asks is nobody in the account.
        assert trust.pop("Principal") == {"Federated": "${aws_iam_openid_connect_provider.github.arn}"}
        found |= {name} if is_allowed(asked, [trust], [trust]) else set()
    assert found == taken


def test_a_plan_reads_whom_the_account_trusts_and_no_workflow_changes_it(tmp_path: Path) -> None:
    resources = document(tmp_path)["resource"]
    bound = statements(resources["aws_iam_policy"]["workflows"]["policy"])
    own = statements(resources["aws_iam_role_policy"]["plan"]["policy"])
    reads = json.loads(aws_managed_policies_data)["ReadOnlyAccess"]["Document"]["Statement"]
    everything = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    actions = [one for one in boto3.client("iam").meta.service_model.operation_names if "OpenIDConnect" in one]
    changes = [one for one in actions if not one.startswith(("Get", "List"))]
    assert len(changes) > 6
    provider = f"arn:aws:iam::{environments.load('dev').account_id}:oidc-provider/{PROVIDER}"
    for action in actions:
        asked = Request(f"iam:{action}", provider)
        assert is_allowed(asked, everything, bound) == (action not in changes), action
        assert is_allowed(asked, [*own, *reads], bound) == (action not in changes), action


def test_a_plan_takes_the_role_that_reads_the_payer_s_bill_and_no_other(tmp_path: Path) -> None:
    """Terraform asks the payer's account in a plan too, and a pull request's plan runs code that nobody reviewed."""
    there = "arn:aws:iam::444444444444:role"
    payer = PayerSpec(role_arn=f"{there}/bill", reader_arn=f"{there}/reader")
    budget = environments.load("dev").budget.model_copy(update={"payer": payer})
    resources = document(tmp_path, budget=budget)["resource"]
    bound = statements(resources["aws_iam_policy"]["workflows"]["policy"])
    own = statements(resources["aws_iam_role_policy"]["plan"]["policy"])
    reads = json.loads(aws_managed_policies_data)["ReadOnlyAccess"]["Document"]["Statement"]
    for arn, allowed in ((f"{there}/reader", True), (f"{there}/bill", False), (f"{there}/another", False)):
        assert is_allowed(Request("sts:AssumeRole", arn), [*own, *reads], bound) == allowed


def test_the_end_of_a_bootstrap_tells_how_github_is_to_ask(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dev = environments.load("dev").model_copy(update={"github": NUMBERED, "preview": PreviewSpec()})
    told = deploys, branch, previews = commands(dev)
    place = "repos/acme/models/environments/dev"
    assert deploys.startswith(f"gh api -X PUT {place} -F 'reviewers[][type]=User' -F ")
    assert deploys.endswith("-F 'deployment_branch_policy[custom_branch_policies]=true'")
    assert branch == f"gh api -X POST {place}/deployment-branch-policies -f name=trunk"
    # Pull requests run on no branch that a rule could name.
    assert previews.startswith(f"gh api -X PUT {place}-preview -F 'reviewers[][type]=User' -F ")
    assert "branch" not in previews
    assert commands(dev.model_copy(update={"github": None})) == ()
    assert commands(dev.model_copy(update={"target": EmbeddedCloud()})) == ()
    numbers = {"seconds": 1.0, "resources": 1, "changed": 1}
    done = BootstrapResult(environment="dev", state_bucket="b", roles={}, on_github=told, **numbers)
    monkeypatch.setattr("ci.bootstrap.bootstrap", lambda *_, **__: done)
    monkeypatch.setattr("ci.commands.platform.site", lambda *_: None)
    assert run(["bootstrap", "dev"]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == list(told), "not a bracket is taken for a colour"


def test_a_gitlab_project_s_pipelines_plan_and_do_not_deploy(tmp_path: Path) -> None:
    gitlab = GitlabSpec(project="acme/ml/models", host="git.acme.example")
    found = document(tmp_path, github=None, gitlab=gitlab)["resource"]
    (role,) = found["aws_iam_role"].values()
    (trust,) = statements(role["assume_role_policy"])
    assert trust["Condition"] == {
        "StringEquals": {"git.acme.example:aud": "sts.amazonaws.com"},
        "StringLike": {"git.acme.example:sub": ["project_path:acme/ml/models:ref_type:branch:ref:*"]},
    }
    assert trust["Principal"] == {"Federated": "${aws_iam_openid_connect_provider.gitlab.arn}"}
    assert found["aws_iam_openid_connect_provider"]["gitlab"]["url"] == "https://git.acme.example"
    (managed,) = found["aws_iam_role_policy_attachment"].values()
    assert managed["policy_arn"].endswith("/ReadOnlyAccess")
    for broken in ("acme", "acme/*", "https://gitlab.com/acme/models", "acme/models:ref"):
        with pytest.raises(SpecError, match="give 'group/name', with its subgroups and without wildcards"):
            GitlabSpec(project=broken)


def test_a_gitlab_job_takes_its_role_by_its_own_token(
    cloud_home: tuple[Path, localcloud.CloudRecord], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, record = cloud_home
    planned = environments.load("dev").model_copy(update={"gitlab": GitlabSpec(project="acme/models")})
    config = tmp_path / "aws" / "config"
    told = sign_in(planned, "head.claims.signature", config)
    secret = config.with_name("token")
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("head.claims.signature", 0o600)
    # As every library of AWS does: no key, only these two.
    alone = {"PATH": os.defpath, "AWS_CONFIG_FILE": str(config), "AWS_ENDPOINT_URL": record.url}
    asks = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    done = subprocess.run([sys.executable, "-c", asks], env=alone, capture_output=True, text=True, check=True)
    assert f":assumed-role/{told.role.rpartition('/')[2]}/" in done.stdout
    assert run(["sign-in", "dev", "--config", str(config)]) == 2
    assert "gitlab=None names no project whose pipelines may sign in" in capsys.readouterr().err
    with pytest.raises(CommandError, match="AWS_TOKEN holds no token of GitLab's"):
        sign_in(planned, "", config)


def test_a_plan_reads_no_data_and_a_deploy_changes_no_ground(tmp_path: Path) -> None:
    resources = document(tmp_path)["resource"]
    managed = {
        name: one["policy_arn"].rsplit("/", 1)[1] for name, one in resources["aws_iam_role_policy_attachment"].items()
    }
    assert managed == {
        "plan_managed": "ReadOnlyAccess",
        "deploy_managed": "PowerUserAccess",
        "reap_managed": "ReadOnlyAccess",
        "preview_managed": "PowerUserAccess",
    }
    refused = [one for one in statements(resources["aws_iam_role_policy"]["plan"]["policy"]) if one["Effect"] == "Deny"]
    assert any("s3:GetObject" in one["Action"] and "NotResource" in one for one in refused)
    ends = statements(resources["aws_iam_role_policy"]["reap"]["policy"])[0]
    assert ends["Condition"]["Null"] == {"aws:ResourceTag/ExpiresAt": "false"}
    assert ends["Condition"]["StringEquals"]["aws:ResourceTag/environment"] == "dev"
    bound = statements(resources["aws_iam_policy"]["workflows"]["policy"])
    own = f"arn:aws:iam::{environments.load('dev').account_id}:role/groundplan-dev-us-east-1-deploy"
    assert any(own in one.get("Resource", ()) and "iam:PutRolePolicy" in one["Action"] for one in bound[1:])
    assert all(one["Effect"] == "Deny" for one in bound[1:])
    made = statements(resources["aws_iam_role_policy"]["deploy"]["policy"])
    assert all("groundplan-dev-" in where or "aws-service-role" in where for one in made for where in one["Resource"])


def test_the_bucket_of_a_real_environment_is_guarded_and_a_second_provider_is_not_made(tmp_path: Path) -> None:
    github = GithubSpec(repository="acme/models", provider="existing")
    found = document(tmp_path, github=github)
    resources = found["resource"]
    assert resources["aws_s3_bucket"]["states"]["bucket"] == environments.load("dev").state.bucket
    assert resources["aws_s3_bucket"]["states"]["lifecycle"]["prevent_destroy"] is True
    assert resources["aws_kms_key"]["state"]["lifecycle"]["prevent_destroy"] is True
    (encryption,) = resources["aws_s3_bucket_server_side_encryption_configuration"].values()
    (rule,) = encryption["rule"]
    default = {"sse_algorithm": "aws:kms", "kms_master_key_id": "${aws_kms_key.state.arn}"}
    assert encryption["bucket"] == "${aws_s3_bucket.states.id}"
    assert rule["apply_server_side_encryption_by_default"] == default
    assert "aws_iam_openid_connect_provider" not in resources
    assert "aws_iam_openid_connect_provider" in found["data"]


def test_an_environment_that_no_workflow_deploys_has_its_bucket_alone(tmp_path: Path) -> None:
    kinds = document(tmp_path, github=None)["resource"].keys()
    assert not [kind for kind in kinds if kind.startswith("aws_iam")]


def test_a_deploy_to_an_account_without_its_bucket_says_what_to_run(
    cloud_home: tuple[Path, localcloud.CloudRecord], tmp_path: Path
) -> None:
    _, record = cloud_home
    environment = environments.load("dev").model_copy(update={"target": AwsAccount()})
    store = StateStore(Site(environment, Workspace(home=tmp_path), record.url))
    store._embedded = False
    with pytest.raises(NotDeployedError, match="does not exist; make it once, .* groundplan bootstrap dev"):
        store.ensure_bucket()


def assert_saved_plans_are_encrypted(site: Site) -> None:
    """A plan may hold secrets. Whoever saves one names no key: the bucket does."""
    saved = SavedPlan(environment=site.name, made_at=datetime.now(UTC), stacks={})
    name = PlanStore(site).save(saved, {})
    kept = {"Bucket": site.environment.state.bucket, "Key": f"{site.name}/plans/{name}/manifest.json"}
    found = site.client("s3").head_object(**kept)
    site.client("s3").delete_object(**kept)
    own = site.client("kms").describe_key(KeyId=f"alias/{Names.of(site.environment, 'us-east-1').regional('state')}")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", own["KeyMetadata"]["Arn"])


@pytest.mark.terraform
@pytest.mark.slow
def test_bootstrap_keeps_its_own_state_in_its_bucket_and_can_be_repeated_and_removed(tmp_path: Path) -> None:
    workspace = Workspace(root=REPOSITORY, home=tmp_path)
    record = localcloud.start("default", tmp_path, program=REPOSITORY)
    try:
        site = Site(environments.load("local"), workspace, record.url)
        StateStore(site).ensure_bucket()
        made = bootstrap(site)
        assert made.changed == made.resources
        assert not list(tmp_path.rglob("bootstrap.tfstate*")), "the state is in the bucket, and nowhere else"
        again = bootstrap(site)
        assert again.changed == 0
        assert_saved_plans_are_encrypted(site)
        StateStore(site).remove_bucket()
        assert StateStore(site).exists, "a destroy leaves what a bootstrap made"
        site.client("s3").put_object(Bucket=made.state_bucket, Key="local/us-east-1/network.tfstate", Body=b"{}")
        with pytest.raises(
            CommandError, match=r"local/us-east-1/network.tfstate are states of stacks that still stand"
        ):
            remove(site)
        site.client("s3").delete_object(Bucket=made.state_bucket, Key="local/us-east-1/network.tfstate")
        remove(site)
        assert inventory(site).resources == ()
    finally:
        localcloud.stop("default", tmp_path)
