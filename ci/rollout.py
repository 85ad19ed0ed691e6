"""Puts a registered model behind an endpoint: a model and a configuration named by their content, then an update."""

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

from ci.errors import WorkError
from ci.jobs import tags
from ci.leftovers import MANAGED_BY
from ci.model_registry import Package
from ci.serving_requests import configuration_request, model_request, update_request
from ci.site import Site
from infra.spec.contract import ServingContract

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

UPDATE_SECONDS = 1800.0
POLL_SECONDS = 0.5


def roll_out(site: Site, region: str, contract: ServingContract, package: Package) -> str:
    """Update the endpoint to `package` and return the name of its configuration once it serves.

    Equal content has an equal name, so a second run finds what the first made. Raises `WorkError` when SageMaker went
    back to what served before.
    """
    sagemaker: SageMakerClient = site.client("sagemaker", region)
    model = model_request(contract, package)
    content = json.dumps([model, configuration_request(contract, "")], sort_keys=True)
    name = f"{contract.endpoint_name[:50]}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    labels: Any = [*tags(site, component="serving", model=contract.model), MANAGED_BY]
    if not _exists(sagemaker.describe_model, ModelName=name):
        sagemaker.create_model(ModelName=name, Tags=labels, **model)
    if not _exists(sagemaker.describe_endpoint_config, EndpointConfigName=name):
        configuration = configuration_request(contract, name)
        sagemaker.create_endpoint_config(EndpointConfigName=name, Tags=labels, **configuration)
    if sagemaker.describe_endpoint(EndpointName=contract.endpoint_name)["EndpointConfigName"] != name:
        sagemaker.update_endpoint(
            EndpointName=contract.endpoint_name, EndpointConfigName=name, **update_request(contract)
        )
    _wait(site, sagemaker, contract.endpoint_name, name)
    return name


def _exists(describe: Any, **name: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        describe(**name)
    except ClientError as error:
        # SageMaker says ValidationException for "Could not find"; anything else is no answer to our question.
        if error.response["Error"]["Code"] in {"ValidationException", "ResourceNotFound"}:
            return False
        raise
    return True


def _wait(site: Site, sagemaker: "SageMakerClient", endpoint: str, configuration: str) -> None:
    deadline = time.monotonic() + UPDATE_SECONDS
    while True:
        found = sagemaker.describe_endpoint(EndpointName=endpoint)
        if found["EndpointStatus"] == "InService" and found["EndpointConfigName"] == configuration:
            return
        settled = found["EndpointStatus"] not in {"Updating", "Creating", "SystemUpdating"}
        if settled or time.monotonic() > deadline:
            raise WorkError(
                thing=f"endpoint {endpoint!r}",
                value=f"{found['EndpointStatus']} on {found['EndpointConfigName']}",
                rule=f"did not take {configuration}: {found.get('FailureReason', 'no reason given')}",
                fix=f"read its log: groundplan logs {site.name} {endpoint}",
            )
        time.sleep(POLL_SECONDS)
