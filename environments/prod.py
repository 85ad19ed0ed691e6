"""What users rely on: two regions, AWS's services and a way out in each zone, and pools for large runs."""

from infra.spec import (
    JOB_SERVICES,
    AwsAccount,
    BudgetSpec,
    EndpointSpec,
    Environment,
    GpuPoolSpec,
    NetworkSpec,
    RegionSpec,
    StateSpec,
    TrainingSpec,
)

REVIEWS = EndpointSpec(name="review-sentiment", model="review_sentiment", memory_mb=3072, max_concurrency=20)

ENVIRONMENT = Environment(
    name="prod",
    account_id="333333333333",
    owner="ml-platform",
    cost_centre="product",
    target=AwsAccount(),
    state=StateSpec(bucket="groundplan-prod-state", region="us-east-1"),
    regions=(
        RegionSpec(
            name="us-east-1",
            network=NetworkSpec(cidr="10.40.0.0/16", nat="per-zone", interface_endpoints=JOB_SERVICES),
            gpu_pools=(
                GpuPoolSpec(name="small", instance_types=("g5.xlarge", "g6.xlarge", "g4dn.xlarge"), max_nodes=8),
                GpuPoolSpec(name="large", instance_types=("g5.48xlarge", "g6.48xlarge"), max_nodes=4, volume_gb=500),
            ),
            training=TrainingSpec(instance_type="ml.g5.xlarge", volume_gb=100),
            endpoints=(REVIEWS,),
        ),
        RegionSpec(
            name="eu-west-1",
            network=NetworkSpec(cidr="10.41.0.0/16", nat="per-zone", interface_endpoints=JOB_SERVICES),
            gpu_pools=(
                GpuPoolSpec(name="small", instance_types=("g5.xlarge", "g6.xlarge", "g4dn.xlarge"), max_nodes=4),
            ),
            training=TrainingSpec(instance_type="ml.g5.xlarge", volume_gb=100),
            endpoints=(REVIEWS,),
        ),
    ),
    budget=BudgetSpec(monthly_usd=20_000, emails=("ml-platform@example.com", "finance@example.com"), anomaly_usd=200),
)
