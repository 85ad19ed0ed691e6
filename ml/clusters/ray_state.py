"""Reads a Ray cluster's state off its head, through the interface that Ray's own autoscaler uses (Ray 2.60)."""

from collections.abc import Iterator
from typing import Any

from ml.clusters.demand import Shape, Worker

_HEAD = "node:__internal_head__"


def node_id(address: str, instance: str) -> str | None:
    """Return what Ray calls a machine, by its EC2 id, or None while it is not in the cluster."""
    return next((node.node_id for node in _nodes(_status(address)) if node.instance_id == instance), None)


def workers_and_waiting(address: str) -> tuple[list[Worker], list[Shape]]:
    """Return the workers in the cluster, and what the tasks, actors and groups that wait for a place ask for."""
    status = _status(address)
    idle = {node.node_id for node in status.idle_nodes}
    workers = [
        Worker(node.instance_id, node.resource_usage.idle_time_ms / 1000 if node.node_id in idle else None)
        for node in _nodes(status)
        if _HEAD not in node.total_resources()
    ]
    return workers, list(_waiting(status))


def _status(address: str) -> Any:
    # Ray takes a second to import, and stands in no other image than the cluster's.
    from ray.autoscaler.v2.sdk import get_cluster_status

    return get_cluster_status(address)


def _nodes(status: Any) -> list[Any]:
    return [*status.active_nodes, *status.idle_nodes]


def _waiting(status: Any) -> Iterator[Shape]:
    asked = status.resource_demands
    for demand in (*asked.ray_task_actor_demand, *asked.placement_group_demand, *asked.cluster_constraint_demand):
        for bundle in demand.bundles_by_count:
            shape = Shape(cpus=bundle.bundle.get("CPU", 0), gpus=bundle.bundle.get("GPU", 0))
            yield from [shape] * bundle.count
