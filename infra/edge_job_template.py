"""How an update of a fleet's model goes out, as AWS IoT keeps it: rate, abort, time-out and the document."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cdktf import Fn
from cdktf_cdktf_provider_aws.cloudcontrolapi_resource import CloudcontrolapiResource

from infra.edge_names import EdgeNames
from infra.spec import EdgeFleetSpec
from infra.toolkit import Construct

_DOCUMENT = Path(__file__).with_name("edge_update.json")
_LINK_SECONDS = 3600


class EdgeJobTemplate(Construct):
    """A job template. The provider has no resource for it, so it goes through AWS's Cloud Control API.

    A job made from it brings a wave to the bundle `current.tar.gz`; a roll-out of a certain version gives a document
    of its own and takes the rest from here. Whatever changes, AWS replaces the template; jobs that run keep theirs.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        spec: EdgeFleetSpec,
        edge: EdgeNames,
        bucket: str,
        presign_role_arn: str,
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        # The provider's default tags do not reach into a desired state.
        marks = [{"Key": key, "Value": value} for key, value in {**tags, "model": spec.model}.items()]
        inner = {**_limits(spec), "Tags": marks}
        state = {
            # The provider sees that it must replace a template where a whole field is another, not where a part of one
            # is. So its name changes with what has parts.
            "JobTemplateId": edge.job_template(json.dumps(inner)),
            "Description": f"Updates {spec.model} on the devices of {spec.name}",
            "Document": _document(spec, edge, bucket),
            "PresignedUrlConfig": {"RoleArn": presign_role_arn, "ExpiresInSec": _LINK_SECONDS},
            **inner,
        }
        template = CloudcontrolapiResource(
            self,
            "cloudcontrolapi_resource",
            type_name="AWS::IoT::JobTemplate",
            desired_state=json.dumps(state),
        )
        self.arn: str = edge.iot(f"jobtemplate/{template.id}")


def _document(spec: EdgeFleetSpec, edge: EdgeNames, bucket: str) -> str:
    """Return the job document. AWS puts a signed link in the place of `${aws:iot:…}`, for each device as it asks."""
    key = f"{edge.artifact_prefix}/current.tar.gz"
    # Put together by Terraform: the toolkit takes `$${aws:…${bucket}…}` for one expression and spoils it.
    at = f".s3.{edge.names.region}.amazonaws.com/{key}"
    link = Fn.join("", ["$", "{aws:iot:s3-presigned-url-v2:https://", bucket, at, "}"])
    values = {"{fleet}": spec.name, "{model}": spec.model, "{bundle}": link}
    document = json.loads(_DOCUMENT.read_text())
    return json.dumps({name: values.get(value, value) for name, value in document.items()})


def _limits(spec: EdgeFleetSpec) -> dict[str, Any]:
    rollout = spec.rollout
    limits: dict[str, Any] = {
        "JobExecutionsRolloutConfig": {
            "ExponentialRolloutRate": {
                "BaseRatePerMinute": rollout.start_per_minute,
                "IncrementFactor": rollout.increment_factor,
                "RateIncreaseCriteria": {"NumberOfSucceededThings": rollout.faster_after_successes},
            },
            "MaximumPerMinute": rollout.maximum_per_minute,
        },
        "AbortConfig": {
            "CriteriaList": [
                {
                    "Action": "CANCEL",
                    "FailureType": "ALL",
                    "MinNumberOfExecutedThings": rollout.abort_after_devices,
                    "ThresholdPercentage": rollout.abort_percent,
                }
            ]
        },
        "TimeoutConfig": {"InProgressTimeoutInMinutes": rollout.timeout_minutes},
    }
    if rollout.retries:
        # A time-out may be the network's. A failure is the bundle's, and another try would hide it.
        again = {"FailureType": "TIMED_OUT", "NumberOfRetries": rollout.retries}
        limits["JobExecutionsRetryConfig"] = {"RetryCriteriaList": [again]}
    return limits
