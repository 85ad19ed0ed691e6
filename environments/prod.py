"""What users rely on: two regions, AWS's services and a way out in each zone, and pools for large runs."""

from infra.spec import (
    JOB_SERVICES,
    AccessSpec,
    AlertsSpec,
    AllAtOnce,
    ApiSpec,
    Async,
    AwsAccount,
    BudgetSpec,
    Canary,
    ClusterScheduleSpec,
    ClusterSpec,
    EdgeFleetSpec,
    EndpointSpec,
    Environment,
    FairShareSpec,
    FlowLogSpec,
    GithubSpec,
    GpuNeed,
    GpuPoolSpec,
    IdentityCenter,
    JobRolloutSpec,
    NetworkSpec,
    PayerSpec,
    RealTime,
    RegionSpec,
    ScheduleSpec,
    Serverless,
    StateSpec,
    TrainingSpec,
    WaveSpec,
)

REVIEWS = "review_sentiment"
ENDPOINTS = (
    EndpointSpec(
        name="review-sentiment",
        model=REVIEWS,
        hosting=Serverless(memory_mb=3072, max_concurrency=20),
        release=AllAtOnce(bake_seconds=600),
    ),
    EndpointSpec(
        name="review-sentiment-live",
        model=REVIEWS,
        max_latency_ms=200,
        release=Canary(percents=(10, 20, 100), bake_seconds=900, least_requests=1000),
        hosting=RealTime(
            instance_type="ml.c6i.xlarge",
            min_instances=2,
            max_instances=8,
            capture_percent=10,
            schedules=(
                ScheduleSpec(name="day", at="cron(0 6 ? * MON-FRI *)", min_instances=4, max_instances=8),
                ScheduleSpec(name="night", at="cron(0 20 ? * * *)", min_instances=2, max_instances=4),
            ),
        ),
    ),
    EndpointSpec(name="review-sentiment-batch", model=REVIEWS, hosting=Async(max_instances=4), max_latency_ms=60_000),
)

# In AWS, and in a bucket of the organization's log archive, where nobody of this account can delete them.
FLOW_LOGS = (FlowLogSpec(), FlowLogSpec(bucket="example-flow-log-archive"))
SERVICES = (*JOB_SERVICES, "execute-api")

# The canary and the first stores find what is wrong with a model before the many have it.
KIOSKS = EdgeFleetSpec(
    name="kiosks",
    model="review_sentiment",
    waves=(
        WaveSpec(name="canary", devices=20),
        WaveSpec(name="early", percent=10),
        WaveSpec(name="half", percent=40),
    ),
    rollout=JobRolloutSpec(start_per_minute=10, maximum_per_minute=500, abort_percent=5.0, abort_after_devices=10),
    attributes=("hardware", "store"),
    keep_logs_days=365,
)

ENVIRONMENT = Environment(
    name="prod",
    account_id="333333333333",
    owner="ml-platform",
    cost_centre="product",
    target=AwsAccount(),
    state=StateSpec(bucket="groundplan-prod-state", region="us-east-1"),
    github=GithubSpec(repository="example/groundplan"),
    regions=(
        RegionSpec(
            name="us-east-1",
            network=NetworkSpec(cidr="10.40.0.0/16", nat="per-zone", interface_endpoints=SERVICES, flow_logs=FLOW_LOGS),
            gpu_pools=(
                GpuPoolSpec(name="small", need=GpuNeed(gpus=1, vcpus=4), max_nodes=8),
                GpuPoolSpec(
                    name="large",
                    instance_types=("g6.48xlarge", "g5.48xlarge", "g6e.48xlarge", "g7.48xlarge"),
                    max_nodes=4,
                    volume_gb=500,
                ),
                # Nodes of one job share a zone and a fabric, and Batch wants them on demand.
                GpuPoolSpec(
                    name="wide",
                    instance_types=("p4d.24xlarge", "p4de.24xlarge"),
                    purchase="on-demand",
                    nodes=2,
                    max_nodes=4,
                    shared_memory_gb=64,
                    fair_shares=(FairShareSpec(name="product", weight=0.5), FairShareSpec(name="research")),
                ),
            ),
            clusters=(
                ClusterSpec(
                    name="shared",
                    head_type="r7i.xlarge",
                    worker_types=("m7i.2xlarge", "m6i.2xlarge", "m5.2xlarge", "c7i.2xlarge", "c6i.2xlarge"),
                    max_workers=16,
                    # Who works by day need not wait for a machine; by night nobody starts more than half of them.
                    schedules=(
                        ClusterScheduleSpec(name="day", at="0 6 * * MON-FRI", min_workers=2, max_workers=16),
                        ClusterScheduleSpec(name="night", at="0 20 * * *", min_workers=0, max_workers=8),
                    ),
                    # Enough to go on with when a whole market of spot machines is gone.
                    on_demand_workers=1,
                ),
            ),
            training=TrainingSpec(instance_type="ml.g5.xlarge", volume_gb=100),
            endpoints=ENDPOINTS,
            api=ApiSpec(requests_per_second=500, burst=1000),
            edge_fleets=(KIOSKS,),
        ),
        RegionSpec(
            name="eu-west-1",
            network=NetworkSpec(cidr="10.41.0.0/16", nat="per-zone", interface_endpoints=SERVICES, flow_logs=FLOW_LOGS),
            gpu_pools=(GpuPoolSpec(name="small", need=GpuNeed(gpus=1, vcpus=4), max_nodes=4),),
            training=TrainingSpec(instance_type="ml.g5.xlarge", volume_gb=100),
            endpoints=ENDPOINTS,
            api=ApiSpec(requests_per_second=500, burst=1000),
            edge_fleets=(KIOSKS,),
        ),
    ),
    budget=BudgetSpec(
        monthly_usd=20_000,
        emails=("ml-platform@example.com", "finance@example.com"),
        anomaly_usd=200,
        # Tags and categories of the organization's bill, for every environment; the payer lets this role at them.
        payer=PayerSpec(
            role_arn="arn:aws:iam::444444444444:role/groundplan-bill",
            reader_arn="arn:aws:iam::444444444444:role/groundplan-bill-reader",
        ),
    ),
    alerts=AlertsSpec(
        page=("https://events.example.com/integration/groundplan/enqueue",),
        ticket=("ml-platform-tickets@example.com",),
        info=("ml-platform@example.com",),
    ),
    access=AccessSpec(
        sign_in=IdentityCenter(
            data_scientist="DataScientist", ml_engineer="MLEngineer", operator="Operator", auditor="Auditor"
        ),
    ),
)
