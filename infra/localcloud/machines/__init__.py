"""The machines of the embedded cloud: what moto records but never starts.

Training jobs run as processes under SageMaker's container contract, Batch jobs on instances that can be reclaimed,
endpoints answer from model servers that start when they are called, and what they use is metered. Importing this
package registers their operations; `install` starts them.
"""

from infra.localcloud.cloud import Cloud
from infra.localcloud.machines import (
    batch_operations,
    cost_explorer,
    endpoint_operations,
    function_operations,
    pipeline_operations,
    training_operations,
)
from infra.localcloud.machines.registry import machines_of

__all__ = [
    "batch_operations",
    "cost_explorer",
    "endpoint_operations",
    "function_operations",
    "install",
    "pipeline_operations",
    "training_operations",
]


def install(cloud: Cloud) -> None:
    """Start the machines of `cloud`."""
    machines_of(cloud)
