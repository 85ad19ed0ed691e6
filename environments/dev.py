"""Where a team tries things: one region, spot machines, small bills."""

from infra.spec import (
    AccessSpec,
    AllAtOnce,
    Async,
    AuditSpec,
    AwsAccount,
    BudgetSpec,
    ClusterSpec,
    CostGateSpec,
    EdgeFleetSpec,
    EndpointSpec,
    Environment,
    FlowLogSpec,
    GithubSpec,
    GpuNeed,
    GpuPoolSpec,
    JobRolloutSpec,
    NetworkSpec,
    PreviewSpec,
    RealTime,
    RegionSpec,
    StateSpec,
    TelemetrySpec,
    TrainingSpec,
    WaveSpec,
)

ENVIRONMENT = Environment(
    name="dev",
    account_id="111111111111",
    owner="ml-platform",
    cost_centre="research",
    target=AwsAccount(),
    state=StateSpec(bucket="groundplan-dev-state", region="us-east-1"),
    github=GithubSpec(repository="example/groundplan"),
    regions=(
        RegionSpec(
            name="us-east-1",
            network=NetworkSpec(cidr="10.20.0.0/16", zones=2, flow_logs=(FlowLogSpec(kept_days=30),)),
            gpu_pools=(GpuPoolSpec(name="small", need=GpuNeed(gpus=1), max_nodes=4),),
            clusters=(
                ClusterSpec(
                    name="shared",
                    worker_types=("m7i.xlarge", "m6i.xlarge", "m5.xlarge", "r7i.xlarge", "r6i.xlarge"),
                    max_workers=8,
                ),
            ),
            training=TrainingSpec(instance_type="ml.g4dn.xlarge"),
            endpoints=(
                EndpointSpec(name="review-sentiment", model="review_sentiment"),
                EndpointSpec(
                    name="review-sentiment-live", model="review_sentiment", hosting=RealTime(), release=AllAtOnce()
                ),
                EndpointSpec(name="review-sentiment-batch", model="review_sentiment", hosting=Async()),
            ),
            edge_fleets=(
                EdgeFleetSpec(
                    name="kiosks",
                    model="review_sentiment",
                    # A handful of devices on desks: all that fails shall be seen, and at once.
                    waves=(WaveSpec(name="canary", devices=1),),
                    rollout=JobRolloutSpec(abort_after_devices=1, timeout_minutes=10),
                    telemetry=TelemetrySpec(sample_percent=100, keep_days=30, buffer_seconds=60),
                ),
            ),
        ),
    ),
    access=AccessSpec(engineers_release=True),
    # Trials read the data all day, and none of it is anybody's.
    audit=AuditSpec(object_events=False, macie=False),
    budget=BudgetSpec(
        monthly_usd=1000,
        emails=("ml-platform@example.com",),
        # A pool that is twice as large is worth a second look here.
        gate=CostGateSpec(idle_usd=50, worst_usd=1000),
    ),
    # What somebody tried and forgot ends after three days.
    ttl_hours=72,
    # What a pull request changes may be tried in an environment of its own.
    preview=PreviewSpec(),
)
