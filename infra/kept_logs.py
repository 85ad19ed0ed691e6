"""Why a log is kept for less than the year that a security review asks for, where an environment wants it so."""

from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup

from infra.toolkit import skip_check

_A_YEAR_DAYS = 365


def explain_short_log(group: CloudwatchLogGroup, kept_days: int, why: str) -> None:
    """Give the review that reason where `group` keeps its lines for less than a year; a needless one is an error."""
    skip_check(group, **{"CKV_AWS_338": why} if kept_days < _A_YEAR_DAYS else {})
