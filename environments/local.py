"""The whole platform on this machine: nothing leaves it and nothing is billed."""

from infra.spec import (
    BudgetSpec,
    ClusterSpec,
    EdgeFleetSpec,
    EmbeddedCloud,
    EndpointSpec,
    Environment,
    FlowLogSpec,
    GithubSpec,
    GpuNeed,
    GpuPoolSpec,
    NetworkSpec,
    PayerSpec,
    PreviewSpec,
    RegionSpec,
    StateSpec,
    TelemetrySpec,
    TrainingSpec,
)

ENVIRONMENT = Environment(
    name="local",
    account_id="123456789012",
    owner="you",
    cost_centre="laptop",
    target=EmbeddedCloud(),
    state=StateSpec(bucket="groundplan-local-state", region="us-east-1"),
    github=GithubSpec(repository="example/groundplan"),
    regions=(
        RegionSpec(
            name="us-east-1",
            # No NAT, and no interface endpoints either: nothing leaves this machine.
            network=NetworkSpec(
                cidr="10.10.0.0/16", zones=2, nat="none", interface_endpoints=(), flow_logs=(FlowLogSpec(kept_days=1),)
            ),
            gpu_pools=(GpuPoolSpec(name="small", need=GpuNeed(gpus=1), max_nodes=2),),
            clusters=(
                ClusterSpec(
                    name="shared",
                    worker_types=("m6i.xlarge", "m7i.xlarge", "c6i.xlarge", "r6i.xlarge"),
                    max_workers=4,
                ),
            ),
            training=TrainingSpec(spot=False, max_runtime_seconds=1800),
            endpoints=(EndpointSpec(name="review-sentiment", model="review_sentiment"),),
            edge_fleets=(
                EdgeFleetSpec(name="kiosks", model="review_sentiment", telemetry=TelemetrySpec(keep_days=None)),
            ),
        ),
    ),
    budget=BudgetSpec(monthly_usd=10, emails=("you@example.com",), payer=PayerSpec()),
    # Nobody else is on a laptop.
    audit=None,
    # A laptop's platform comes and goes many times a day.
    guarded=False,
    # And its buckets with it: Terraform would wait for a minute until S3 confirms a lifecycle rule.
    old_versions_days=None,
    preview=PreviewSpec(),
)
