"""Who may do what in an environment: the statements of each role of people and pipelines, and the bound of them all.

Things are named by the environment's prefix, or known by its tag where AWS gives them names of its own. Roles see what
is of the environment; what lists without looking inside, AWS lets nobody narrow. docs/access.md has this as a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.audit_policies import audit
from infra.role import Statement
from infra.spec.access import RoleName

# AWS knows no narrower resource for these: they list names, or read figures.
_LOOK_AROUND = (
    "application-autoscaling:DescribeScalableTargets",
    *("batch:DescribeComputeEnvironments", "batch:DescribeJobDefinitions", "batch:DescribeJobQueues"),
    *("batch:DescribeJobs", "batch:ListJobs", "cloudwatch:GetMetricData", "cloudwatch:ListDashboards"),
    # Who may see only some alarms, is shown none of those over several.
    *("cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"),
    *("cloudwatch:ListMetrics", "ecr:GetAuthorizationToken", "iot:ListJobs", "logs:DescribeLogGroups"),
    *("sagemaker:ListEndpointConfigs", "sagemaker:ListEndpoints", "sagemaker:ListModelPackageGroups"),
    *("sagemaker:ListModels", "sagemaker:ListTrainingJobs", "tag:GetResources"),
)
_TRAIN = ("sagemaker:CreateTrainingJob",)
_RUN_PIPELINES = (
    *("sagemaker:DescribePipeline", "sagemaker:DescribePipelineExecution", "sagemaker:ListPipelineExecutionSteps"),
    *("sagemaker:StartPipelineExecution", "sagemaker:StopPipelineExecution", "sagemaker:UpdatePipeline"),
)
_RELEASE = ("sagemaker:CreateEndpointConfig", "sagemaker:CreateModel")
_UNDO_RELEASE = ("sagemaker:DeleteEndpointConfig", "sagemaker:DeleteModel")
_MOVE_ENDPOINT = ("sagemaker:UpdateEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities")

GUARDS = (
    *("access-analyzer:DeleteAnalyzer", "cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors"),
    *("cloudtrail:StopLogging", "cloudtrail:UpdateTrail", "config:DeleteConfigurationRecorder"),
    *("config:DeleteDeliveryChannel", "config:StopConfigurationRecorder", "guardduty:DeleteDetector"),
    *("guardduty:UpdateDetector", "iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion"),
    *("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary", "iam:SetDefaultPolicyVersion"),
    *("kms:DisableKey", "kms:ScheduleKeyDeletion", "macie2:DisableMacie", "s3:BypassGovernanceRetention"),
    *("s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketPolicy"),
)
"""What would blind the audit, lift a boundary or lose what is kept: refused to every role, whatever else is allowed."""


@dataclass(frozen=True)
class Kept:
    """What a region keeps, by ARN: it may have been brought, and then has a name of its own."""

    data_bucket: str
    artifact_bucket: str
    repository: str
    signing_key: str


@dataclass(frozen=True)
class Records:
    """Where an audit's records lie, and the key that they are under, by ARN."""

    bucket: str
    key: str


@dataclass(frozen=True)
class Reach:
    """One environment, as the ARNs of what is in it."""

    project: str
    environment: str
    account_id: str
    kept: Sequence[Kept]
    records: Sequence[Records] = ()

    def named(self, service: str, *kinds: str) -> tuple[str, ...]:
        """Return the ARNs of all that bears the environment's name, in every region."""
        prefix = f"{self.project}-{self.environment}-*"
        return tuple(f"arn:aws:{service}:*:{self.account_id}:{kind}{prefix}" for kind in kinds)

    def anything(self, service: str, *resources: str) -> tuple[str, ...]:
        """Return ARNs in every region of the account, for what only tags or AWS's own names tell apart."""
        return tuple(f"arn:aws:{service}:*:{self.account_id}:{resource}" for resource in resources)

    @property
    def jobs(self) -> tuple[str, ...]:
        """Training jobs."""
        return self.named("sagemaker", "training-job/")

    @property
    def released(self) -> tuple[str, ...]:
        """Endpoints with what they are made of."""
        return self.named("sagemaker", "endpoint/", "endpoint-config/", "model/")

    @property
    def versions(self) -> tuple[str, ...]:
        """Model packages and their groups."""
        return self.named("sagemaker", "model-package/", "model-package-group/")

    @property
    def own(self) -> dict[str, dict[str, str]]:
        """A condition: the thing is tagged as the environment's."""
        return {"StringEquals": {"aws:ResourceTag/environment": self.environment}}

    @property
    def through_s3(self) -> dict[str, dict[str, str]]:
        """A condition: the thing is the environment's, and S3 asks for it."""
        return {**self.own, "StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}

    @property
    def new(self) -> dict[str, dict[str, str]]:
        """A condition: what is made gets the environment's tag."""
        return {"StringEquals": {"aws:RequestTag/environment": self.environment}}


def statements(role: RoleName, reach: Reach, *, engineers_release: bool) -> tuple[Statement, ...]:
    """Return what `role` is allowed in the environment."""
    engineer = (*_look(reach), *_experiment(reach), *_register(reach))
    return {
        "data-scientist": (*_look(reach), *_experiment(reach)),
        "ml-engineer": (*engineer, *(_release(reach) if engineers_release else ())),
        "operator": (*_look(reach), *_operate(reach)),
        "auditor": audit(reach),
        "ci": (*engineer, *_release(reach), *_publish_images(reach)),
    }[role]


def boundary(reach: Reach) -> tuple[Statement, ...]:
    """Return the most that any role but the auditor may ever be given: today's actions, on this account's things.

    Widening one role's policy by hand, even to everything, gives nothing that is not here already.
    """
    roles: tuple[RoleName, ...] = ("data-scientist", "ml-engineer", "operator", "ci")
    granted = [one for role in roles for one in statements(role, reach, engineers_release=True)]
    anywhere = {action for one in granted if tuple(one.resources) == ("*",) for action in one.actions}
    # The ARN of a bucket names no account.
    on_buckets = [one for one in _experiment(reach) if one.actions[0].startswith("s3:")]
    here = {action for one in granted for action in one.actions if not action.startswith("s3:")} - anywhere
    return (
        Statement(sorted(here), (f"arn:aws:*:*:{reach.account_id}:*",)),
        Statement(sorted(anywhere)),
        *on_buckets,
        Statement(GUARDS, effect="Deny"),
    )


def _look(reach: Reach) -> tuple[Statement, ...]:
    read_logs = ("logs:FilterLogEvents", "logs:GetLogEvents", "logs:DescribeLogStreams")
    logs = ("log-group:/aws/sagemaker/TrainingJobs*", "log-group:/aws/batch/*")
    of_endpoints = reach.anything("logs", f"log-group:/aws/sagemaker/Endpoints/{reach.project}-{reach.environment}-*")
    of_clusters = reach.anything("logs", f"log-group:/{reach.project}/{reach.environment}/clusters/*")
    contracts = reach.anything("ssm", f"parameter/{reach.project}/{reach.environment}/*")
    return (
        Statement(_LOOK_AROUND),
        Statement(("cloudwatch:GetDashboard",), (f"arn:aws:cloudwatch::{reach.account_id}:dashboard/*",)),
        Statement(
            ("sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"),
            reach.released,
        ),
        Statement(("sagemaker:DescribeTrainingJob",), reach.jobs),
        Statement(("sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages"), reach.versions),
        Statement(("sagemaker:ListTags",), (*reach.released, *reach.jobs, *reach.versions)),
        Statement(read_logs, (*reach.anything("logs", *logs), *of_endpoints, *of_clusters)),
        Statement(("ssm:GetParameter",), contracts),
    )


def _experiment(reach: Reach) -> tuple[Statement, ...]:
    """Read data, train, keep what comes of it, ask a released model."""
    reads = [bucket for kept in reach.kept for bucket in (kept.data_bucket, kept.artifact_bucket)]
    writes = tuple(f"{kept.artifact_bucket}/*" for kept in reach.kept)
    trainers = (f"arn:aws:iam::{reach.account_id}:role/{reach.project}-{reach.environment}-*-training",)
    return (
        Statement(("s3:ListBucket",), reads),
        Statement(("s3:GetObject",), tuple(f"{bucket}/*" for bucket in reads)),
        Statement(("s3:PutObject",), writes),
        Statement(("kms:Decrypt", "kms:GenerateDataKey"), reach.anything("kms", "key/*"), condition=reach.own),
        Statement(_TRAIN, reach.jobs, condition=reach.new),
        Statement(("sagemaker:StopTrainingJob",), reach.jobs),
        Statement(("sagemaker:AddTags",), reach.jobs, condition=reach.new),
        Statement(("iam:PassRole",), trainers, condition={"StringEquals": {"iam:PassedToService": _SAGEMAKER}}),
        Statement(("batch:SubmitJob",), (*reach.named("batch", "job-queue/", "job-definition/"), *_batch_jobs(reach))),
        Statement(("batch:CancelJob", "batch:TerminateJob"), _batch_jobs(reach), condition=reach.own),
        Statement(("sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointAsync"), reach.named("sagemaker", "endpoint/")),
    )


def _register(reach: Reach) -> tuple[Statement, ...]:
    """Put versions into the registry and approve them."""
    return (
        Statement(("sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"), reach.versions),
        Statement(("sagemaker:AddTags",), reach.versions, condition=reach.new),
        *_pipelines(reach),
        Statement(("kms:GetPublicKey",), [kept.signing_key for kept in reach.kept]),
    )


def _pipelines(reach: Reach) -> tuple[Statement, ...]:
    """Make and start the pipelines that end in the registry."""
    pipelines = reach.named("sagemaker", "pipeline/")
    roles = (f"arn:aws:iam::{reach.account_id}:role/{reach.project}-{reach.environment}-*-pipelines",)
    return (
        Statement(("sagemaker:CreatePipeline", "sagemaker:AddTags"), pipelines, condition=reach.new),
        Statement(_RUN_PIPELINES, pipelines),
        Statement(("iam:PassRole",), roles, condition={"StringEquals": {"iam:PassedToService": _SAGEMAKER}}),
    )


def _release(reach: Reach) -> tuple[Statement, ...]:
    """Sign a version and move an endpoint to it."""
    servers = (f"arn:aws:iam::{reach.account_id}:role/{reach.project}-{reach.environment}-*-serving",)
    return (
        Statement(("kms:Sign",), [kept.signing_key for kept in reach.kept]),
        Statement(_RELEASE, reach.released, condition=reach.new),
        Statement(("sagemaker:AddTags",), reach.released, condition=reach.new),
        Statement(_UNDO_RELEASE, reach.released),
        *_move(reach),
        Statement(("iam:PassRole",), servers, condition={"StringEquals": {"iam:PassedToService": _SAGEMAKER}}),
    )


def _move(reach: Reach) -> tuple[Statement, ...]:
    """Move an endpoint's calls, keep its instances meanwhile, and write down how far that is."""
    targets = reach.anything("application-autoscaling", "scalable-target/*")
    return (
        Statement(_MOVE_ENDPOINT, reach.released),
        Statement(("application-autoscaling:RegisterScalableTarget",), targets, condition=reach.own),
        Statement(("s3:GetObject", "s3:PutObject"), tuple(f"{kept.artifact_bucket}/rollouts/*" for kept in reach.kept)),
    )


def _operate(reach: Reach) -> tuple[Statement, ...]:
    """Roll back to a configuration that is there and write that down, stop what runs away, hold queues."""
    return (
        *_keep_log(reach),
        *_move(reach),
        Statement(("sagemaker:StopTrainingJob",), reach.jobs),
        Statement(("batch:CancelJob", "batch:TerminateJob"), _batch_jobs(reach), condition=reach.own),
        Statement(("batch:UpdateJobQueue",), reach.named("batch", "job-queue/")),
        Statement(
            ("autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"),
            reach.anything("autoscaling", "autoScalingGroup:*"),
            condition=reach.own,
        ),
        Statement(
            ("cloudwatch:DisableAlarmActions", "cloudwatch:EnableAlarmActions"), reach.named("cloudwatch", "alarm:")
        ),
        Statement(
            ("iot:CancelJob", "iot:CreateJob", "iot:DescribeJob"), (*reach.named("iot", "job/"), *_things(reach))
        ),
    )


def _keep_log(reach: Reach) -> tuple[Statement, ...]:
    """Read the log of model changes, and add to it; who may keep artefacts, may that anyway."""
    logs = tuple(f"{kept.artifact_bucket}/audit/*" for kept in reach.kept)
    below = {"StringLike": {"s3:prefix": "audit/*"}}
    return (
        Statement(("s3:ListBucket",), [kept.artifact_bucket for kept in reach.kept], condition=below),
        Statement(("s3:GetObject", "s3:PutObject"), logs),
        # S3 may use the keys for them, they may not.
        Statement(("kms:Decrypt", "kms:GenerateDataKey"), reach.anything("kms", "key/*"), condition=reach.through_s3),
        Statement(("kms:GetPublicKey",), [kept.signing_key for kept in reach.kept]),
    )


def _publish_images(reach: Reach) -> tuple[Statement, ...]:
    push = (
        *("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload"),
        *("ecr:DescribeImageScanFindings", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"),
        *("ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart"),
    )
    return (Statement(push, [kept.repository for kept in reach.kept]),)


def _batch_jobs(reach: Reach) -> tuple[str, ...]:
    return reach.anything("batch", "job/*")


def _things(reach: Reach) -> tuple[str, ...]:
    return reach.named("iot", "thing/", "thinggroup/", "jobtemplate/")


_SAGEMAKER = "sagemaker.amazonaws.com"
