"""The longest words that the spec lets through still give names that AWS takes."""

import json
from pathlib import Path

import environments
from infra.spec import (
    Async,
    AuditSpec,
    EdgeFleetSpec,
    EndpointSpec,
    Environment,
    FairShareSpec,
    GpuNeed,
    GpuPoolSpec,
    RealTime,
    RegionSpec,
    ScheduleSpec,
    WaveSpec,
)
from infra.toolkit import new_app
from stacks.platform import build_platform
from tests.stacks.aws_limits import LIMITS, names_in

# From AWS's reference of each service; where a prefix is given, Terraform adds 26 characters to it.
LONGEST = {
    ("aws_appautoscaling_policy", "name"): 256,
    ("aws_appautoscaling_scheduled_action", "name"): 1600,
    ("aws_batch_compute_environment", "compute_environment_name_prefix"): 128 - 26,
    ("aws_batch_job_queue", "name"): 128,
    ("aws_batch_scheduling_policy", "name"): 128,
    ("aws_budgets_budget", "name"): 100,
    ("aws_ce_anomaly_monitor", "name"): 1024,
    ("aws_ce_anomaly_subscription", "name"): 1024,
    ("aws_ce_cost_category", "name"): 50,
    ("aws_cloudwatch_dashboard", "dashboard_name"): 255,
    ("aws_cloudwatch_event_rule", "name"): 64,
    ("aws_cloudwatch_metric_alarm", "alarm_name"): 255,
    ("aws_ecr_repository", "name"): 256,
    ("aws_iam_instance_profile", "name"): 128,
    ("aws_iam_policy", "name"): 128,
    ("aws_iam_role", "name"): 64,
    ("aws_iam_role_policy", "name"): 128,
    ("aws_kms_alias", "name"): 256,
    ("aws_lambda_function", "function_name"): 64,
    ("aws_launch_template", "name"): 128,
    ("aws_placement_group", "name"): 255,
    ("aws_s3_bucket", "bucket"): 63,
    ("aws_sagemaker_endpoint", "name"): 63,
    ("aws_sagemaker_endpoint_configuration", "name"): 63,
    ("aws_sagemaker_model", "name"): 63,
    ("aws_sagemaker_model_package_group", "model_package_group_name"): 63,
    ("aws_security_group", "name"): 255,
    ("aws_sns_topic", "name"): 256,
}

SPOT = GpuPoolSpec(name="p" * 16, need=GpuNeed(), max_nodes=1)
NODES = GpuPoolSpec(
    name="q" * 16,
    need=GpuNeed(),
    purchase="on-demand",
    nodes=2,
    max_nodes=2,
    fair_shares=(FairShareSpec(name="s"),),
)


def environment_of_long_words() -> Environment:
    local = environments.load("local")
    schedule = ScheduleSpec(name="s" * 24, at="cron(0 6 ? * MON-FRI *)", min_instances=1, max_instances=2)
    region = RegionSpec(
        name="ap-southeast-2",
        network=local.regions[0].network,
        gpu_pools=(SPOT, NODES),
        clusters=(local.regions[0].clusters[0].model_copy(update={"name": "c" * 12}),),
        endpoints=(
            EndpointSpec(name="n" * 24, model="m" * 32),
            EndpointSpec(name="b" * 24, model="m" * 32, hosting=Async()),
            EndpointSpec(name="l" * 24, model="m" * 32, hosting=RealTime(schedules=(schedule,))),
        ),
        edge_fleets=(EdgeFleetSpec(name="f" * 10, model="m" * 32, waves=(WaveSpec(name="w" * 16, percent=1),)),),
    )
    return local.model_copy(update={"name": "e" * 10, "project": "g" * 14, "regions": (region,), "audit": AuditSpec()})


def test_every_name_fits(tmp_path: Path) -> None:
    with new_app(tmp_path) as app:
        build_platform(app, environment_of_long_words())
    measured = set()
    for file in tmp_path.glob("stacks/*/cdk.tf.json"):
        for named in names_in(json.loads(file.read_text())):
            limit = LIMITS.get((named.kind, named.field))
            assert limit, f"{named.address} needs a line in tests/stacks/aws_limits.py"
            broken = limit.broken_by(named.name, named.field)
            assert broken is None, f"{named.address}: {named.name!r} {broken}"
            measured.add(named.kind)
    assert len(measured) > 20
