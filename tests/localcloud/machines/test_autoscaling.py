"""Application Auto Scaling of real-time variants: the count follows the calls, and an update leaves it alone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

Endpoint = Any  # conftest.Endpoint
Client = Callable[[str], Any]
Wait = Callable[..., None]
INSTANCE = {"InstanceType": "ml.c7i.large", "InitialInstanceCount": 1}


@pytest.fixture
def target(endpoint: Endpoint, client: Client) -> Iterator[dict[str, str]]:
    """A scalable target of a variant that stands, with bounds of 1 and 3."""
    endpoint.create({"model": {}, **INSTANCE}).settled()
    scaling = client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint.name}/variant/variant-0",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)
    yield target
    scaling.deregister_scalable_target(**target)


def follow(client: Client, target: dict[str, str], *, calls: float, cooldown: int) -> None:
    client("application-autoscaling").put_scaling_policy(
        **target,
        PolicyName="calls",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": calls,
            "ScaleOutCooldown": 0,
            "ScaleInCooldown": cooldown,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    )


def count(endpoint: Endpoint) -> int:
    return int(endpoint.describe()["ProductionVariants"][0]["CurrentInstanceCount"])


def test_calls_scale_out_to_the_bound_and_a_release_keeps_the_count(
    endpoint: Endpoint, client: Client, target: dict[str, str], wait_until: Wait
) -> None:
    follow(client, target, calls=60.0, cooldown=300)

    def busy() -> bool:
        endpoint.ask()
        return count(endpoint) == 3

    wait_until(busy)
    endpoint.update(
        {"model": {"name": "new"}, **INSTANCE},
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DataCaptureConfig"}],
    )
    assert endpoint.settled()["EndpointStatus"] == "InService"
    assert endpoint.ask()["model"] == "new"
    assert count(endpoint) == 3, "the cooldown of 300 seconds is not over, and nobody else may set it"
    client("application-autoscaling").delete_scaling_policy(**target, PolicyName="calls")


def test_idle_instances_go_after_the_cooldown(
    endpoint: Endpoint, client: Client, target: dict[str, str], wait_until: Wait
) -> None:
    scaled = [{"VariantName": "variant-0", "DesiredInstanceCount": 3}]
    client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=endpoint.name, DesiredWeightsAndCapacities=scaled
    )
    assert count(endpoint) == 3
    assert endpoint.describe()["ProductionVariants"][0]["CurrentWeight"] == 1.0
    scaling = client("application-autoscaling")
    scaling.register_scalable_target(**target, SuspendedState={"DynamicScalingInSuspended": True})
    follow(client, target, calls=60.0, cooldown=0)
    assert {count(endpoint) for _ in range(100)} == {3}, "idle, and held for as many looks as fit into this"
    scaling.register_scalable_target(**target, SuspendedState={"DynamicScalingInSuspended": False})
    wait_until(lambda: count(endpoint) == 1)
    scaling.delete_scaling_policy(**target, PolicyName="calls")


def test_bounds_that_move_move_the_count(
    endpoint: Endpoint, client: Client, target: dict[str, str], wait_until: Wait
) -> None:
    client("application-autoscaling").register_scalable_target(**target, MinCapacity=2)
    wait_until(lambda: count(endpoint) == 2)
