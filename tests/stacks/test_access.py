"""Who may do what, decided by the policies of prod as they are synthesized."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

import environments
from tests.stacks.iam import Request, Statement, is_allowed

Stacks = dict[str, dict[str, Any]]
ACCOUNT = environments.load("prod").account_id
STACK = "prod-access"
ROLES = ("data-scientist", "ml-engineer", "operator", "auditor", "ci")
HERE, ELSEWHERE = "us-east-1", "123456789012"
OURS = {"aws:ResourceTag/environment": "prod", "aws:RequestTag/environment": "prod"}
THROUGH_S3 = {**OURS, "kms:ViaService": "s3.us-east-1.amazonaws.com"}
THEIRS = {"aws:ResourceTag/environment": "dev", "aws:RequestTag/environment": "dev"}
TO_SAGEMAKER = {"iam:PassedToService": "sagemaker.amazonaws.com"}


def arn(service: str, resource: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{HERE}:{account}:{resource}"


def kept(what: str) -> str:
    """The ARN that a reference to another stack's resource becomes: `aws_kms_key_signing` → that of a key."""
    for type_, form in {
        "aws_s3_bucket_": "arn:aws:s3:::groundplan-prod-{}",
        "aws_kms_key_": arn("kms", "key/{}"),
        "aws_ecr_repository_": arn("ecr", "repository/{}"),
    }.items():
        if what.startswith(type_):
            return form.format(what.removeprefix(type_))
    raise NotImplementedError(what)


def read(policy: str) -> list[Statement]:
    known = re.sub(r"\$\{data\.[^}]*cross_stack_output_(\w+)_arn\}", lambda found: kept(found[1]), policy)
    statements: list[Statement] = json.loads(known)["Statement"]
    return statements


DATA, ARTIFACTS = kept("aws_s3_bucket_data"), kept("aws_s3_bucket_artifacts")
LOG_ENTRY = f"{ARTIFACTS}/audit/entries/00000001.json"
JOB, ENDPOINT = "training-job/groundplan-prod-train-1", "endpoint/groundplan-prod-review-sentiment"
TRAINER = f"arn:aws:iam::{ACCOUNT}:role/groundplan-prod-us-east-1-training"
PIPELINES = f"arn:aws:iam::{ACCOUNT}:role/groundplan-prod-us-east-1-pipelines"
PIPELINE = "pipeline/groundplan-prod-review-sentiment"
SERVER = f"arn:aws:iam::{ACCOUNT}:role/groundplan-prod-us-east-1-serving"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/groundplan-prod-boundary"
QUEUE, SETTINGS = "job-queue/groundplan-prod-pool-large", "endpoint-config/groundplan-prod-a"
GROUP, LOG = "autoScalingGroup:1:autoScalingGroupName/a", "log-group:/aws/sagemaker/TrainingJobs:log-stream:a"
CLUSTER_LOG = "log-group:/groundplan/prod/clusters/shared:log-stream:jobs/a"
TRAIL, OPERATOR = "trail/groundplan-prod-trail", f"arn:aws:iam::{ACCOUNT}:role/groundplan-prod-operator"
ALARM = "alarm:groundplan-prod-a"
SCALING = "application-autoscaling"
VERSION = "model-package/groundplan-prod-review-sentiment/1"

# One line a right; who has it: data scientist, ML engineer, operator, auditor, CI. docs/access.md is this, in words.
MATRIX: list[tuple[str, Request, str]] = [
    ("train", Request("sagemaker:CreateTrainingJob", arn("sagemaker", JOB), OURS), "DM--C"),
    ("hand a job its role", Request("iam:PassRole", TRAINER, TO_SAGEMAKER), "DM--C"),
    ("stop a job", Request("sagemaker:StopTrainingJob", arn("sagemaker", JOB)), "DMO-C"),
    ("submit to a GPU queue", Request("batch:SubmitJob", arn("batch", QUEUE)), "DM--C"),
    ("cancel a GPU job", Request("batch:TerminateJob", arn("batch", "job/1"), OURS), "DMO-C"),
    ("hold a queue", Request("batch:UpdateJobQueue", arn("batch", QUEUE)), "--O--"),
    ("read data", Request("s3:GetObject", f"{DATA}/reviews.csv"), "DM--C"),
    ("change data", Request("s3:PutObject", f"{DATA}/reviews.csv"), "-----"),
    ("keep an artefact", Request("s3:PutObject", f"{ARTIFACTS}/model.tar.gz"), "DM--C"),
    ("delete an artefact", Request("s3:DeleteObject", f"{ARTIFACTS}/model.tar.gz"), "-----"),
    ("read the log of model changes", Request("s3:GetObject", LOG_ENTRY), "DMOAC"),
    ("decrypt that log", Request("kms:Decrypt", arn("kms", "key/1"), THROUGH_S3), "DMOAC"),
    ("know the key that signed it", Request("kms:GetPublicKey", kept("aws_kms_key_signing")), "-MOAC"),
    ("know where all is", Request("ssm:GetParameter", arn("ssm", "parameter/groundplan/prod/training")), "DMOAC"),
    ("add to that log", Request("s3:PutObject", LOG_ENTRY), "DMO-C"),
    ("decrypt what is kept", Request("kms:Decrypt", arn("kms", "key/1"), OURS), "DM--C"),
    ("ask a model", Request("sagemaker:InvokeEndpoint", arn("sagemaker", ENDPOINT)), "DM--C"),
    ("register a version", Request("sagemaker:CreateModelPackage", arn("sagemaker", VERSION)), "-M--C"),
    ("approve a version", Request("sagemaker:UpdateModelPackage", arn("sagemaker", VERSION)), "-M--C"),
    ("make a pipeline", Request("sagemaker:CreatePipeline", arn("sagemaker", PIPELINE), OURS), "-M--C"),
    ("hand a pipeline its role", Request("iam:PassRole", PIPELINES, TO_SAGEMAKER), "-M--C"),
    ("sign a version", Request("kms:Sign", kept("aws_kms_key_signing")), "----C"),
    ("make a configuration", Request("sagemaker:CreateEndpointConfig", arn("sagemaker", SETTINGS), OURS), "----C"),
    ("move or roll back an endpoint", Request("sagemaker:UpdateEndpoint", arn("sagemaker", ENDPOINT)), "--O-C"),
    ("write down how a release stands", Request("s3:PutObject", f"{ARTIFACTS}/rollouts/a/state.json"), "DMO-C"),
    (
        "keep instances while an endpoint moves",
        Request("application-autoscaling:RegisterScalableTarget", arn(SCALING, "scalable-target/1"), OURS),
        "--O-C",
    ),
    ("hand a model its role", Request("iam:PassRole", SERVER, TO_SAGEMAKER), "----C"),
    ("delete an endpoint", Request("sagemaker:DeleteEndpoint", arn("sagemaker", ENDPOINT)), "-----"),
    ("see an endpoint", Request("sagemaker:DescribeEndpoint", arn("sagemaker", ENDPOINT)), "DMOAC"),
    ("read a job's log", Request("logs:GetLogEvents", arn("logs", LOG)), "DMO-C"),
    ("read a cluster's log", Request("logs:GetLogEvents", arn("logs", CLUSTER_LOG)), "DMO-C"),
    ("see figures", Request("cloudwatch:GetMetricData", "*"), "DMOAC"),
    ("silence an alarm", Request("cloudwatch:DisableAlarmActions", arn("cloudwatch", ALARM)), "--O--"),
    ("stop a roll-out to devices", Request("iot:CancelJob", arn("iot", "job/groundplan-prod-a")), "--O--"),
    ("scale a cluster", Request("autoscaling:SetDesiredCapacity", arn("autoscaling", GROUP), OURS), "--O--"),
    ("push an image", Request("ecr:PutImage", kept("aws_ecr_repository_images")), "----C"),
    ("see how a bucket is set up", Request("s3:GetBucketPolicy", DATA), "---A-"),
    ("see a role's policies", Request("iam:GetRolePolicy", TRAINER), "---A-"),
    ("read the record", Request("s3:GetObject", f"{kept('aws_s3_bucket_audit')}/AWSLogs/a.json.gz"), "---A-"),
    ("decrypt the record", Request("kms:Decrypt", kept("aws_kms_key_records")), "---A-"),
    ("read an artefact", Request("s3:GetObject", f"{ARTIFACTS}/model.tar.gz"), "DM--C"),
    ("search the record", Request("cloudtrail:LookupEvents", "*"), "---A-"),
    ("end the record", Request("cloudtrail:StopLogging", arn("cloudtrail", TRAIL)), "-----"),
    ("narrow the record", Request("cloudtrail:PutEventSelectors", arn("cloudtrail", TRAIL)), "-----"),
    ("delete a locked record", Request("s3:BypassGovernanceRetention", f"{kept('aws_s3_bucket_audit')}/a"), "-----"),
    ("turn off a watcher", Request("guardduty:DeleteDetector", arn("guardduty", "detector/1")), "-----"),
    ("change the boundary", Request("iam:CreatePolicyVersion", BOUNDARY), "-----"),
    ("give oneself more", Request("iam:PutRolePolicy", OPERATOR), "-----"),
    ("lift one's boundary", Request("iam:DeleteRolePermissionsBoundary", OPERATOR), "-----"),
    ("delete a key", Request("kms:ScheduleKeyDeletion", arn("kms", "key/1"), OURS), "-----"),
]
# The same on what is not this environment's: nobody may, whatever the row above says.
FOREIGN = [
    Request("sagemaker:CreateTrainingJob", arn("sagemaker", JOB), THEIRS),
    Request("sagemaker:CreateTrainingJob", arn("sagemaker", "training-job/groundplan-dev-train-1"), OURS),
    Request("sagemaker:UpdateEndpoint", arn("sagemaker", "endpoint/groundplan-dev-review-sentiment")),
    Request("sagemaker:UpdateEndpoint", arn("sagemaker", ENDPOINT, ELSEWHERE)),
    Request("sagemaker:InvokeEndpoint", arn("sagemaker", "endpoint/somebody-elses")),
    Request("batch:TerminateJob", arn("batch", "job/1"), THEIRS),
    Request("kms:Decrypt", arn("kms", "key/1"), THEIRS),
    Request("s3:GetObject", "arn:aws:s3:::somebody-elses/secret"),
    Request("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/admin", TO_SAGEMAKER),
    Request("iam:PassRole", TRAINER, {"iam:PassedToService": "ec2.amazonaws.com"}),
    Request("ssm:GetParameter", arn("ssm", "parameter/groundplan/dev/training")),
    Request("logs:GetLogEvents", arn("logs", CLUSTER_LOG.replace("prod", "dev"))),
]


def managed(name: str) -> list[Statement]:
    document = json.loads(aws_managed_policies_data)[name]["Document"]
    found: list[Statement] = document["Statement"]
    return found


@pytest.fixture(scope="module")
def policies(stacks: Stacks) -> Mapping[str, tuple[list[Statement], list[Statement]]]:
    """Role → its own statements, and those of its boundary."""
    made = stacks[STACK]["resource"]
    attached: dict[str, list[Statement]] = {}
    for attachment in made["aws_iam_role_policy_attachment"].values():
        role = attachment["role"].split(".")[1]
        attached.setdefault(role, []).extend(managed(attachment["policy_arn"].rsplit("/", 1)[-1]))
    found = {}
    for role in ROLES:
        id = role.replace("-", "_")
        own = read(made["aws_iam_role_policy"][id]["policy"])
        bound = made["aws_iam_role"][id]["permissions_boundary"]
        statements = (
            managed(bound.rsplit("/", 1)[-1])
            if bound.startswith("arn:")
            else read(made["aws_iam_policy"][bound.split(".")[1]]["policy"])
        )
        found[role] = ([*own, *attached.get(id, [])], statements)
    return found


@pytest.mark.parametrize(("what", "request_", "who"), MATRIX, ids=[what for what, _, _ in MATRIX])
def test_a_right_is_had_by_those_who_need_it_and_by_nobody_else(
    what: str, request_: Request, who: str, policies: Mapping[str, tuple[list[Statement], list[Statement]]]
) -> None:
    found = "".join(
        letter if is_allowed(request_, *policies[role]) else "-" for letter, role in zip("DMOAC", ROLES, strict=True)
    )
    assert found == who


@pytest.mark.parametrize("request_", FOREIGN, ids=[f"{one.action} {one.resource}" for one in FOREIGN])
@pytest.mark.parametrize("role", ROLES)
def test_no_right_reaches_beyond_the_environment(
    role: str, request_: Request, policies: Mapping[str, tuple[list[Statement], list[Statement]]]
) -> None:
    assert not is_allowed(request_, *policies[role])


@pytest.mark.parametrize("role", ROLES)
def test_a_role_made_administrator_by_hand_stays_within_its_boundary(
    role: str, policies: Mapping[str, tuple[list[Statement], list[Statement]]]
) -> None:
    everything = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    _, boundary = policies[role]
    refused = [request for what, request, who in MATRIX if who == "-----"]
    assert len(refused) > 8
    assert not [request.action for request in refused if is_allowed(request, everything, boundary)]


def test_policies_fit_what_iam_takes(stacks: Stacks) -> None:
    """IAM counts no spaces; a reference becomes an ARN of at most 120 characters."""
    for stack, content in stacks.items():
        for kind, most in (("aws_iam_policy", 6144), ("aws_iam_role_policy", 10240)):
            for name, arguments in content["resource"].get(kind, {}).items():
                whole = re.sub(r"\$\{[^}]+\}", "x" * 120, arguments["policy"])
                assert len(re.sub(r"\s", "", whole)) <= most, f"{stack} {name}"


def test_an_entry_of_the_log_of_model_changes_is_replaced_by_nobody(stacks: Stacks) -> None:
    (stack,) = (content for name, content in stacks.items() if name == "prod-us-east-1-data")
    rules: list[Statement] = json.loads(stack["resource"]["aws_s3_bucket_policy"]["artifacts"]["policy"])["Statement"]
    everything = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    bucket = next(one["Resource"][0] for one in rules if "s3:PutObject" in one["Action"]).split("/")[0]
    mine = [{name: value for name, value in one.items() if name != "Principal"} for one in rules]
    for key, context, allowed in (
        ("audit/entries/00000001.json", {}, False),
        ("audit/entries/00000001.json", {"s3:if-none-match": "*"}, True),
        ("audit/head.json", {}, True),
    ):
        over_tls = {"aws:SecureTransport": "true", **context}
        assert (
            is_allowed(Request("s3:PutObject", f"{bucket}/{key}", over_tls), [*everything, *mine], everything)
            is allowed
        )


def test_everybody_signs_in_with_a_second_factor_or_through_the_company(stacks: Stacks) -> None:
    for stack in (one for one in stacks if one.endswith("-access")):
        for name, role in stacks[stack]["resource"]["aws_iam_role"].items():
            (trust,) = json.loads(role["assume_role_policy"])["Statement"]
            assert trust["Condition"], f"{stack} {name}"
            assert "permissions_boundary" in role, f"{stack} {name}"


def test_ci_s_role_is_taken_from_the_branch_alone_whatever_github_s_environment_asks(stacks: Stacks) -> None:
    issuer = "token.actions.githubusercontent.com"
    (trust,) = json.loads(stacks[STACK]["resource"]["aws_iam_role"]["ci"]["assume_role_policy"])["Statement"]
    assert trust.pop("Principal") == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"}
    (github,) = environments.load("prod").repositories
    for context, ref, may in (
        ("environment:prod", github.ref, True),
        ("environment:prod", "refs/heads/somebody-s", False),
        ("environment:dev", github.ref, False),
        (f"ref:{github.ref}", github.ref, False),
    ):
        claims = {"aud": "sts.amazonaws.com", "sub": github.subject(context), "ref": ref}
        asked = Request("sts:AssumeRoleWithWebIdentity", "*", {f"{issuer}:{one}": claims[one] for one in claims})
        assert is_allowed(asked, [trust], [trust]) is may, (context, ref)


def test_the_table_in_the_docs_is_the_matrix() -> None:
    text = (Path(__file__).parents[2] / "docs" / "access.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    told = {
        row[0]: "".join("-" if not mark else letter for mark, letter in zip(row[1:], "DMOAC", strict=True))
        for row in rows[2:]
    }
    assert told == {what: who for what, _, who in MATRIX}
