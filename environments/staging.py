"""The rehearsal of production, in one region."""

from infra.spec import (
    ApiSpec,
    Async,
    AwsAccount,
    BlueGreen,
    BudgetSpec,
    ClusterScheduleSpec,
    ClusterSpec,
    EndpointSpec,
    Environment,
    FlowLogSpec,
    GithubSpec,
    GpuNeed,
    GpuPoolSpec,
    NetworkSpec,
    RealTime,
    RegionSpec,
    StateSpec,
    TrainingSpec,
)

ENVIRONMENT = Environment(
    name="staging",
    account_id="222222222222",
    owner="ml-platform",
    cost_centre="product",
    target=AwsAccount(),
    state=StateSpec(bucket="groundplan-staging-state", region="us-east-1"),
    github=GithubSpec(repository="example/groundplan"),
    regions=(
        RegionSpec(
            name="us-east-1",
            network=NetworkSpec(
                cidr="10.30.0.0/16",
                # What carries much: images and logs pay for their endpoints by what NAT does not see.
                interface_endpoints=("ecr.api", "ecr.dkr", "logs", "sts"),
                # The second is the organization's log archive, where nobody of this account can delete them.
                flow_logs=(FlowLogSpec(), FlowLogSpec(bucket="example-flow-log-archive")),
            ),
            gpu_pools=(GpuPoolSpec(name="small", need=GpuNeed(gpus=1), max_nodes=4),),
            clusters=(
                ClusterSpec(
                    name="shared",
                    worker_types=("m7i.xlarge", "m6i.xlarge", "m5.xlarge", "r7i.xlarge", "r6i.xlarge"),
                    max_workers=4,
                    schedules=(
                        ClusterScheduleSpec(name="day", at="0 6 * * MON-FRI", min_workers=1, max_workers=4),
                        ClusterScheduleSpec(name="night", at="0 20 * * *", min_workers=0, max_workers=2),
                    ),
                ),
            ),
            training=TrainingSpec(instance_type="ml.g4dn.xlarge"),
            endpoints=(
                EndpointSpec(name="review-sentiment", model="review_sentiment"),
                EndpointSpec(
                    name="review-sentiment-live",
                    model="review_sentiment",
                    hosting=RealTime(capture_percent=100),
                    # Few call it: what a canary would wait for here never comes.
                    release=BlueGreen(bake_seconds=300, least_requests=0),
                ),
                EndpointSpec(name="review-sentiment-batch", model="review_sentiment", hosting=Async()),
            ),
            api=ApiSpec(reach="regional"),
        ),
    ),
    budget=BudgetSpec(monthly_usd=2000, emails=("ml-platform@example.com",)),
)
