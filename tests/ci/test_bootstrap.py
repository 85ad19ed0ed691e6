"""What an environment stands on: made once by Terraform, its state moved into its own bucket, and taken down again."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import app
import environments
from ci.bootstrap import bootstrap, remove
from ci.cli import run
from ci.errors import CommandError, NotDeployedError
from ci.inventory import inventory
from ci.sign_in import sign_in
from ci.site import Site
from ci.state import StateStore
from ci.workspace import Workspace
from infra import localcloud
from infra.spec import AwsAccount, GithubSpec, GitlabSpec, SpecError
from tests.ci.conftest import REPOSITORY

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


def test_only_named_workflows_take_a_role_and_no_wildcard_lets_another_in(tmp_path: Path) -> None:
    github = GithubSpec(repository="acme/models", branch="trunk")
    roles = document(tmp_path, github=github)["resource"]["aws_iam_role"]
    subjects = {}
    for name, role in roles.items():
        (trust,) = statements(role["assume_role_policy"])
        assert trust["Action"] == ["sts:AssumeRoleWithWebIdentity"]
        (condition,) = trust["Condition"].items()
        assert condition[0] == "StringEquals"
        assert condition[1][f"{PROVIDER}:aud"] == "sts.amazonaws.com"
        subjects[name] = condition[1][f"{PROVIDER}:sub"]
        assert role["permissions_boundary"] == "${aws_iam_policy.workflows.arn}"
    assert subjects == {
        "plan": ["repo:acme/models:pull_request", "repo:acme/models:ref:refs/heads/trunk"],
        "deploy": ["repo:acme/models:environment:dev"],
        "reap": ["repo:acme/models:ref:refs/heads/trunk"],
        "preview": ["repo:acme/models:environment:dev-preview"],
    }


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
