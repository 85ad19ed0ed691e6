"""About how long Terraform is busy with a stack, so that the longest line of stacks can start first.

Most resources take a moment. The provider waits for some of them, however quick the cloud is (measured with provider
5.100.0 against the embedded one), and AWS itself takes minutes for a few.
"""

from collections.abc import Mapping

SECONDS = {
    "aws_batch_job_queue": 30,
    "aws_budgets_budget": 5,
    "aws_iam_instance_profile": 5,
    "aws_kms_key": 10,
    "aws_launch_template": 5,
    "aws_nat_gateway": 100,
    "aws_route53_zone": 15,
    "aws_s3_bucket_lifecycle_configuration": 55,
    "aws_sagemaker_endpoint": 180,
    "aws_sqs_queue": 25,
    "aws_sqs_queue_policy": 25,
    "aws_vpc": 10,
}
START_SECONDS, EACH_SECONDS = 3.0, 0.2


def expected_seconds(types: Mapping[str, int]) -> float:
    """Return the seconds for these counts by type: kinds wait one after the other, all of a kind together."""
    return START_SECONDS + EACH_SECONDS * sum(types.values()) + sum(SECONDS.get(kind, 0) for kind in types)
