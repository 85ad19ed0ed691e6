"""What of AWS's service quotas is in use already, by others than the environment: its own things are what it asks for.

Whatever bears the environment's tags, or a name that begins as its names do, counts as its own.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ci.site import Site
from infra.spec.instance_types import instance_types
from infra.spec.quotas import SERVERLESS, Market, QuotaNeed, family_quota, sagemaker_quota

# boto3's stubs of most of these services are not among our packages.
Client = Any
Used = Iterator[tuple[str, int]]
"""The name of a quota and how much of it one thing takes."""


def used_by_others(site: Site, region: str, service: str, needs: Sequence[QuotaNeed]) -> Counter[str]:
    """Return how much of each quota of a service is taken, by its name; only what `needs` name is looked for."""
    others, wanted = Others(site), {need.name for need in needs}
    counts: Counter[str] = Counter()
    for look, names in _LOOKS[service]:
        if names is None or wanted & names:
            for name, amount in look(others, site.client(_CLIENTS.get(service, service), region)):
                counts[name] += amount
    return counts


class Others:
    """Tells what is not the environment's own."""

    def __init__(self, site: Site) -> None:
        environment = site.environment
        self._tags = {"project": environment.project, "environment": environment.name}
        self._account = environment.account_id
        self._prefix = f"{environment.project}-{environment.name}-".replace("_", "-")

    def tagged(self, found: Mapping[str, Any]) -> bool:
        """Whether a thing of EC2's is somebody else's."""
        tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags") or ()}
        return any(tags.get(key) != value for key, value in self._tags.items())

    def owned(self, found: Mapping[str, Any]) -> bool:
        """Whether somebody else's thing is of our account: another account's that is shared with it takes no quota."""
        return self.tagged(found) and found.get("OwnerId", self._account) == self._account

    def named(self, name: str) -> bool:
        """Whether a thing of that name is somebody else's."""
        return not name.replace("_", "-").startswith(self._prefix)


def _machines(others: Others, ec2: Client) -> Used:
    running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    for page in ec2.get_paginator("describe_instances").paginate(Filters=running):
        for machine in (one for reservation in page["Reservations"] for one in reservation["Instances"]):
            market: Market = "spot" if machine.get("InstanceLifecycle") == "spot" else "on-demand"
            quota = family_quota(machine["InstanceType"], market)
            if quota and others.tagged(machine):
                yield quota[1], _vcpus(machine)


def _vcpus(machine: Mapping[str, Any]) -> int:
    if fact := instance_types().get(machine["InstanceType"]):
        return fact.vcpus
    shape = machine.get("CpuOptions", {})
    return int(shape.get("CoreCount", 1) * shape.get("ThreadsPerCore", 1))


def _addresses(others: Others, ec2: Client) -> Used:
    yield "EC2-VPC Elastic IPs", sum(map(others.tagged, ec2.describe_addresses()["Addresses"]))


def _vpcs(others: Others, ec2: Client) -> Used:
    pages = ec2.get_paginator("describe_vpcs").paginate()
    yield "VPCs per Region", sum(others.owned(vpc) for page in pages for vpc in page["Vpcs"])


def _internet_gateways(others: Others, ec2: Client) -> Used:
    pages = ec2.get_paginator("describe_internet_gateways").paginate()
    yield "Internet gateways per Region", sum(others.tagged(one) for page in pages for one in page["InternetGateways"])


def _nat_gateways(others: Others, ec2: Client) -> Used:
    """The quota is each zone's: the fullest counts. One that goes counts until it is gone."""
    there = [{"Name": "state", "Values": ["pending", "available", "deleting"]}]
    pages = ec2.get_paginator("describe_nat_gateways").paginate(Filter=there)
    gateways = [one for page in pages for one in page["NatGateways"] if others.tagged(one)]
    # One of a whole region stands in no subnet.
    subnets = [one["SubnetId"] for one in gateways if "SubnetId" in one]
    if subnets:
        found = ec2.describe_subnets(SubnetIds=sorted(set(subnets)))["Subnets"]
        zones = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in found}
        yield "NAT gateways per Availability Zone", max(Counter(zones[subnet] for subnet in subnets).values())


def _gateway_endpoints(others: Others, ec2: Client) -> Used:
    gateways = [{"Name": "vpc-endpoint-type", "Values": ["Gateway"]}]
    pages = ec2.get_paginator("describe_vpc_endpoints").paginate(Filters=gateways)
    yield "Gateway VPC endpoints per Region", sum(others.tagged(one) for page in pages for one in page["VpcEndpoints"])


def _endpoints(others: Others, sagemaker: Client) -> Used:
    for page in sagemaker.get_paginator("list_endpoints").paginate():
        for name in (one["EndpointName"] for one in page["Endpoints"] if others.named(one["EndpointName"])):
            configuration = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
            described = sagemaker.describe_endpoint_config(EndpointConfigName=configuration)
            for variant in described["ProductionVariants"]:
                if serverless := variant.get("ServerlessConfig"):
                    yield SERVERLESS[1], serverless["MaxConcurrency"]
                elif kind := variant.get("InstanceType"):
                    yield sagemaker_quota(kind, "endpoint"), variant.get("InitialInstanceCount", 1)


def _training_jobs(others: Others, sagemaker: Client) -> Used:
    pages = sagemaker.get_paginator("list_training_jobs").paginate(StatusEquals="InProgress")
    for name in (one["TrainingJobName"] for page in pages for one in page["TrainingJobSummaries"]):
        if others.named(name):
            job = sagemaker.describe_training_job(TrainingJobName=name)
            machines, spot = job["ResourceConfig"], job.get("EnableManagedSpotTraining")
            # Of one type, or of a type for each group.
            for group in machines.get("InstanceGroups") or (machines,):
                if kind := group.get("InstanceType"):
                    usage = sagemaker_quota(kind, "spot training job" if spot else "training job")
                    yield usage, group.get("InstanceCount", 1)


def _devices(others: Others, iot: Client) -> Used:
    rules = (one for page in iot.get_paginator("list_topic_rules").paginate() for one in page["rules"])
    yield "Maximum number of rules per AWS account", sum(others.named(rule["ruleName"]) for rule in rules)
    aliases = (one for page in iot.get_paginator("list_role_aliases").paginate() for one in page["roleAliases"])
    yield "Maximum number of AWS IoT Core role aliases", sum(map(others.named, aliases))
    pages = iot.get_paginator("list_provisioning_templates").paginate()
    templates = (one["templateName"] for page in pages for one in page["templates"])
    yield "Maximum number of fleet provisioning templates per customer", sum(map(others.named, templates))


def _delivery_streams(others: Others, firehose: Client) -> Used:
    last: dict[str, str] = {}
    while True:
        page = firehose.list_delivery_streams(Limit=100, **last)
        names = page["DeliveryStreamNames"]
        yield "Delivery streams", sum(map(others.named, names))
        if not page["HasMoreDeliveryStreams"] or not names:
            return
        last = {"ExclusiveStartDeliveryStreamName": names[-1]}


# Service of the quota → how to look, and the quotas that are worth it (None: any of the service).
_LOOKS: Mapping[str, tuple[tuple[Any, frozenset[str] | None], ...]] = {
    "ec2": ((_machines, None), (_addresses, frozenset({"EC2-VPC Elastic IPs"}))),
    "vpc": (
        (_vpcs, None),
        (_internet_gateways, frozenset({"Internet gateways per Region"})),
        (_nat_gateways, frozenset({"NAT gateways per Availability Zone"})),
        (_gateway_endpoints, frozenset({"Gateway VPC endpoints per Region"})),
    ),
    "sagemaker": ((_endpoints, None), (_training_jobs, None)),
    "iotcore": ((_devices, None),),
    "firehose": ((_delivery_streams, None),),
}
# Whose API tells what is in use, where that is not called as the quota's service.
_CLIENTS = {"vpc": "ec2", "iotcore": "iot"}
