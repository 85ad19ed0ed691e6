"""One request to an endpoint and its answer, whatever its kind."""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ci.errors import CommandError, NotDeployedError, WorkError
from ci.site import Site
from infra.spec.contract import Queueing, ServingContract

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

JSON = "application/json"
# What the server answers that a deploy puts in place (ml/serving/application.py).
NO_MODEL = "no model released yet"
# A sleeping async endpoint starts an instance first, which takes minutes.
ASYNC_SECONDS = 1800.0
POLL_SECONDS = 0.25


class Caller:
    """Asks one endpoint. Its clients are made once, for making one takes longer than an answer."""

    def __init__(self, site: Site, region: str, contract: ServingContract) -> None:
        self._contract, self._site = contract, site
        self._s3: S3Client = site.client("s3", region)
        self._runtime: SageMakerRuntimeClient = site.client("sagemaker-runtime", region)

    def ask(self, instances: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Send one request and return the answer; what the model says against the request becomes a `WorkError`.

        Raises `NotDeployedError` where no model was released to the endpoint yet.
        """
        body = json.dumps({"instances": list(instances)}).encode()
        answer = self._queue(self._contract.queueing, body) if self._contract.queueing else self._invoke(body)
        found: dict[str, Any] = json.loads(answer)
        return found

    def _invoke(self, body: bytes) -> bytes:
        endpoint = self._contract.endpoint_name
        try:
            return self._runtime.invoke_endpoint(EndpointName=endpoint, ContentType=JSON, Body=body)["Body"].read()
        except self._runtime.exceptions.ModelError as error:
            code = error.response.get("OriginalStatusCode", "?")
            raise self._of_model(f"HTTP {code}", str(error.response.get("OriginalMessage", ""))) from error

    def _queue(self, queueing: Queueing, body: bytes) -> bytes:
        """Lay the request into S3, have it queued, and wait for what comes first: its answer or its failure."""
        endpoint, request = self._contract.endpoint_name, f"{queueing.requests}/{uuid.uuid4()}.json"
        bucket, key = _place(request)
        self._s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=JSON)
        queued = self._runtime.invoke_endpoint_async(EndpointName=endpoint, ContentType=JSON, InputLocation=request)
        deadline = time.monotonic() + ASYNC_SECONDS
        while time.monotonic() < deadline:
            if (answer := self._read(queued["OutputLocation"])) is not None:
                return answer
            if (failure := self._read(queued["FailureLocation"])) is not None:
                raise self._of_model("a failure", failure.decode(errors="replace"))
            time.sleep(POLL_SECONDS)
        raise WorkError(
            thing=f"endpoint {endpoint!r}",
            value=f"request {queued['InferenceId']}",
            rule=f"has no answer after {ASYNC_SECONDS:.0f} s",
            fix=f"it may still come: {queued['OutputLocation']}",
        )

    def _read(self, uri: str) -> bytes | None:
        bucket, key = _place(uri)
        try:
            return self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return None

    def _of_model(self, value: str, original: str) -> CommandError:
        endpoint, environment = self._contract.endpoint_name, self._site.environment
        try:
            said = str(json.loads(original)["error"])
        except (ValueError, KeyError, TypeError):
            said = original or "no message"
        if NO_MODEL in said:
            return NotDeployedError(
                thing=f"endpoint {endpoint.removeprefix(f'{environment.project}-{environment.name}-')!r}",
                value="no model",
                rule="was released to it yet",
                fix=f"release one: groundplan release start {environment.name} {self._contract.model}",
            )
        rule = f"is what its model answered: {said}"
        return WorkError(thing=f"endpoint {endpoint!r}", value=value, rule=rule, fix="mend the request")


def _place(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    return parts.netloc, parts.path.lstrip("/")
