"""What is paid for a resource, by its type. A type that stands nowhere here is reported as not priced."""

from collections.abc import Callable, Iterator

from ci.estimate import machines
from ci.estimate.declared import Declared, Fixed, Item, Unpriced, blocks
from ci.estimate.free import is_free

Rule = Callable[[Declared], Iterator[Item]]

ADD_RULE = "add it to ci/estimate/rules.py, or to free.py there if it costs nothing"

# Paid by use alone: what, and the product that it is paid as.
BY_USE: dict[str, tuple[tuple[str, str], ...]] = {
    "aws_flow_log": (("flow logs written", "flow-logs"),),
    "aws_cloudwatch_log_group": (("log lines taken in", "logs"),),
    "aws_s3_bucket": (("objects kept", "s3-standard"),),
    "aws_ecr_repository": (("images kept", "ecr"),),
    "aws_sns_topic": (("messages", "sns"),),
    "aws_sqs_queue": (("requests", "sqs"),),
    "aws_lambda_function": (("function time", "lambda"), ("function calls", "lambda-requests")),
    "aws_scheduler_schedule": (("scheduled calls", "scheduler"),),
    "aws_cloudwatch_event_bus": (("events of one's own", "events"),),
    "aws_api_gateway_rest_api": (("API calls", "api-requests"),),
    "aws_cloudtrail": (("data events", "cloudtrail-data-events"),),
    "aws_guardduty_detector": (("events looked at", "guardduty-events"),),
    "aws_config_configuration_recorder": (("changes recorded", "config-items"),),
    "aws_config_config_rule": (("evaluations", "config-evaluations"),),
    "aws_macie2_account": (("buckets watched", "macie-bucket"), ("data looked at", "macie-data")),
    "aws_macie2_classification_job": (("data looked at", "macie-data"),),
    "aws_iot_topic_rule": (("rules triggered", "iot-rules"), ("device messages", "iot-messages")),
    "aws_iot_indexing_configuration": (("index updates", "iot-index"),),
    "aws_sfn_state_machine": (("state transitions", "state-transitions"),),
    "aws_kinesis_firehose_delivery_stream": (("data delivered", "firehose"),),
}


def rule(kind: str) -> Rule | None:
    """Return what prices a type, or None when nobody has said what it costs."""
    if found := _RULES.get(kind):
        return found
    if kind in BY_USE:
        return _by_use
    return _free if is_free(kind) else None


def _free(declared: Declared) -> Iterator[Item]:
    yield from ()


def _by_use(declared: Declared) -> Iterator[Item]:
    yield from (declared.book.by_use(what, product) for what, product in BY_USE[declared.kind])


def _each(what: str, product: str) -> Rule:
    def one(declared: Declared) -> Iterator[Item]:
        yield Fixed(what, declared.book.hourly(product))

    return one


def _nat_gateway(declared: Declared) -> Iterator[Item]:
    yield Fixed("NAT gateway", declared.book.hourly("nat-gateway"))
    yield declared.book.by_use("data through NAT", "nat-data")


def _vpc_endpoint(declared: Declared) -> Iterator[Item]:
    if declared.block.get("vpc_endpoint_type") == "Interface":
        zones = len(declared.block.get("subnet_ids", ()))
        yield Fixed(f"interface endpoint in {zones} zones", zones * declared.book.hourly("interface-endpoint"))
        yield declared.book.by_use("data through endpoints", "interface-endpoint-data")


def _kms_key(declared: Declared) -> Iterator[Item]:
    yield Fixed("key", declared.book.hourly("kms-key"))
    yield declared.book.by_use("uses of keys", "kms-requests")


def _hosted_zone(declared: Declared) -> Iterator[Item]:
    yield Fixed("hosted zone", declared.book.hourly("hosted-zone"))
    yield declared.book.by_use("DNS queries", "dns-queries")


def _table(declared: Declared) -> Iterator[Item]:
    if declared.block.get("billing_mode") == "PAY_PER_REQUEST":
        yield declared.book.by_use("writes", "dynamodb-writes")
    else:
        yield Unpriced(f"nobody has said what provisioned capacity of a table costs; {ADD_RULE}")


def _analyzer(declared: Declared) -> Iterator[Item]:
    """Who looks for access from outside is free; who looks for unused or internal access is paid for each role."""
    if (kind := declared.block.get("type", "ACCOUNT")) not in ("ACCOUNT", "ORGANIZATION"):
        yield Unpriced(f"nobody has said what an analyzer {kind} costs; {ADD_RULE}")


def _api_stage(declared: Declared) -> Iterator[Item]:
    """A stage is free, and a cache in it is a machine."""
    if declared.block.get("cache_cluster_enabled"):
        yield Unpriced(f"nobody has said what a stage's cache costs; {ADD_RULE}")


def _metric_alarm(declared: Declared) -> Iterator[Item]:
    """An alarm is paid for each metric that it reads."""
    queries = blocks(declared.block.get("metric_query"))
    metrics = sum(1 for query in queries if query.get("metric")) or 1
    yield Fixed("alarm", metrics * declared.book.hourly("alarm"))


def _web_acl(declared: Declared) -> Iterator[Item]:
    rules = len(blocks(declared.block.get("rule")))
    fixed = declared.book.hourly("web-acl") + rules * declared.book.hourly("web-acl-rule")
    yield Fixed(f"web ACL with {rules} rules", fixed)
    yield declared.book.by_use("requests looked at", "web-acl-requests")


def _cloud_control(declared: Declared) -> Iterator[Item]:
    """Cloud Control's resources go by a type of their own: those of IoT Core are configuration, or paid by use."""
    kind = declared.block["type_name"]
    if kind == "AWS::IoT::JobTemplate":
        yield declared.book.by_use("jobs on devices", "iot-jobs")
    elif not kind.startswith("AWS::IoT::"):
        yield Unpriced(f"nobody has said what {kind} costs; {ADD_RULE}", kind=kind)


_RULES: dict[str, Rule] = {
    "aws_accessanalyzer_analyzer": _analyzer,
    "aws_api_gateway_stage": _api_stage,
    "aws_autoscaling_group": machines.auto_scaling_group,
    "aws_batch_compute_environment": machines.compute_environment,
    "aws_cloudcontrolapi_resource": _cloud_control,
    "aws_cloudwatch_composite_alarm": _each("composite alarm", "composite-alarm"),
    "aws_cloudwatch_dashboard": _each("dashboard", "dashboard"),
    "aws_cloudwatch_metric_alarm": _metric_alarm,
    "aws_dynamodb_table": _table,
    "aws_ec2_capacity_reservation": machines.capacity_reservation,
    "aws_eip": _each("public IPv4 address", "public-ipv4"),
    "aws_kms_key": _kms_key,
    "aws_kms_replica_key": _kms_key,
    "aws_lb": _each("load balancer", "network-load-balancer"),
    "aws_nat_gateway": _nat_gateway,
    "aws_route53_zone": _hosted_zone,
    "aws_sagemaker_endpoint_configuration": machines.endpoint_configuration,
    "aws_secretsmanager_secret": _each("secret", "secret"),
    "aws_ssm_parameter": machines.training_contract,
    "aws_vpc_endpoint": _vpc_endpoint,
    "aws_wafv2_web_acl": _web_acl,
}
