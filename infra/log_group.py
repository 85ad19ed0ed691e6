"""A log group that is encrypted and forgets."""

from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup

from infra.toolkit import Construct, skip_check

_KEEP_DAYS = 30


class LogGroup(Construct):
    """Log lines under the key `key_arn`, kept for a month."""

    def __init__(self, scope: Construct, id: str, *, name: str, key_arn: str) -> None:
        super().__init__(scope, id)
        group = CloudwatchLogGroup(self, "log_group", name=name, retention_in_days=_KEEP_DAYS, kms_key_id=key_arn)
        skip_check(group, CKV_AWS_338="what machines print is read within days; what must last is in the audit trail")
