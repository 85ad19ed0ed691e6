"""InvokeEndpointAsync: requests lie in S3 and wait in a queue, answers come to S3 and are announced on SNS."""

import http.client
import json
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from infra.localcloud.cloud import Payload
from infra.localcloud.machines.endpoint_records import Call, Endpoint, Key
from infra.localcloud.machines.hosting import Hosting
from infra.localcloud.machines.site import Site
from infra.localcloud.machines.storage import S3Uri
from infra.localcloud.machines.variant import RetiredError

THREADS = 8
LOOK_SECONDS = 0.05
METRIC_SECONDS = 1.0
DEFAULT_TIMEOUT_SECONDS, DEFAULT_TTL_SECONDS = 900, 21_600


class FailedError(Exception):
    """What became of a request that has no answer."""


@dataclass(frozen=True)
class Request:
    """One request in the queue."""

    id: str
    key: Key
    input: S3Uri
    output: S3Uri
    failure: S3Uri | None
    params: Payload
    received: float

    @property
    def expires(self) -> float:
        """When nobody waits for an answer any more."""
        return self.received + float(self.params.get("RequestTTLSeconds") or DEFAULT_TTL_SECONDS)


class AsyncInference:
    """The queues of all async endpoints. Each takes as many requests at a time as its instances allow."""

    def __init__(self, site: Site, hosting: Hosting) -> None:
        self._site = site
        self._hosting = hosting
        self._lock = threading.Lock()
        self._waiting: dict[Key, deque[Request]] = defaultdict(deque)
        self._running: dict[Key, int] = defaultdict(int)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="async inference")
        self._metrics_due = 0.0
        site.ticker.add(self._tick)
        site.cloud.on_stop("async inference", lambda: self._threads.shutdown(wait=False, cancel_futures=True))

    def submit(self, endpoint: Endpoint, params: Payload) -> Request:
        """Queue a request and return it, with the places where its answer or failure will lie."""
        assert endpoint.asynchronous is not None
        config, identifier = endpoint.asynchronous["OutputConfig"], str(uuid.uuid4())
        failures = config.get("S3FailurePath")
        request = Request(
            id=params.get("InferenceId") or identifier,
            key=endpoint.key,
            input=S3Uri.parse(params["InputLocation"]),
            output=S3Uri.parse(config["S3OutputPath"]) / f"{identifier}.out",
            failure=S3Uri.parse(failures) / f"{identifier}-error.out" if failures else None,
            params=params,
            received=time.time(),
        )
        with self._lock:
            self._waiting[endpoint.key].append(request)
        self._dispatch()
        return request

    def backlog(self, key: Key) -> int:
        """How many requests of an endpoint have no answer yet."""
        with self._lock:
            return len(self._waiting[key]) + self._running[key]

    def _tick(self) -> None:
        self._dispatch()
        if time.monotonic() >= self._metrics_due:
            self._metrics_due = time.monotonic() + METRIC_SECONDS
            self._report()

    def _report(self) -> None:
        for key in list(self._waiting):
            if endpoint := self._hosting.find(key):
                backlog, count = self.backlog(key), _instances(endpoint)
                for name, value in (
                    ("ApproximateBacklogSize", float(backlog)),
                    ("ApproximateBacklogSizePerInstance", backlog / max(1, count)),
                    ("HasBacklogWithoutCapacity", float(bool(backlog) and not count)),
                ):
                    dimensions = (("EndpointName", key[2]),)
                    self._site.metrics.add(key[1], "AWS/SageMaker", dimensions, name, "None", value)

    def _dispatch(self) -> None:
        for key in list(self._waiting):
            endpoint = self._hosting.find(key)
            if endpoint is None or endpoint.asynchronous is None:
                self._waiting.pop(key, None)  # Deleted: SageMaker forgets what waited for it.
                continue
            for request in self._due(endpoint):
                self._threads.submit(self._process, endpoint, request)

    def _due(self, endpoint: Endpoint) -> Iterator[Request]:
        """Take from the queue what the endpoint's instances have room for."""
        client = (endpoint.asynchronous or {}).get("ClientConfig") or {}
        room = int(client.get("MaxConcurrentInvocationsPerInstance") or 1) * _instances(endpoint)
        key = endpoint.key
        while True:
            with self._lock:
                if not self._waiting[key] or self._running[key] >= room:
                    return
                self._running[key] += 1
                request = self._waiting[key].popleft()
            yield request

    def _process(self, endpoint: Endpoint, request: Request) -> None:
        s3, kms = self._site.cloud.client("s3", request.key[1]), _kms(endpoint)
        try:
            try:
                content_type, answer = self._answer(endpoint, request)
            except FailedError as failure:
                if request.failure:
                    target = request.failure
                    s3.put_object(Bucket=target.bucket, Key=target.key, Body=str(failure).encode(), **kms)
                self._announce(endpoint, request, "ErrorTopic", failureReason=str(failure))
                return
            target = request.output
            s3.put_object(Bucket=target.bucket, Key=target.key, Body=answer, ContentType=content_type, **kms)
            self._announce(endpoint, request, "SuccessTopic", contentType=content_type)
        except Exception:
            self._site.cloud.log.error("async inference failed", endpoint=request.key[2], request=request.id)
        finally:
            with self._lock:
                self._running[request.key] -= 1

    def _answer(self, endpoint: Endpoint, request: Request) -> tuple[str, bytes]:
        from botocore.exceptions import ClientError

        if time.time() > request.expires:
            raise FailedError("ClientError: the request expired before it could be processed")
        try:
            s3 = self._site.cloud.client("s3", request.key[1])
            found = s3.get_object(Bucket=request.input.bucket, Key=request.input.key)
            body = found["Body"].read()
        except ClientError as error:
            raise FailedError(f"ClientError: {request.input} cannot be read: {error}") from error
        while True:
            variant = endpoint.choose()
            assert variant is not None
            try:
                starting = variant.begin()
            except RetiredError:
                time.sleep(LOOK_SECONDS)
                continue
            began, status = time.perf_counter(), 500
            try:
                try:
                    server = starting.result()
                except Exception as error:
                    raise FailedError(f"ServerError: {error}") from error
                began = time.perf_counter()
                status, content_type, answer = _post(server.port, request.params, body)
            finally:
                variant.finish()
                self._hosting.note(Call(endpoint, variant, status, time.perf_counter() - began, 0.0))
            if not 200 <= status < 300:
                raise FailedError(answer.decode(errors="replace"))
            return content_type, answer

    def _announce(self, endpoint: Endpoint, request: Request, topic: str, **more: str) -> None:
        config = (endpoint.asynchronous or {})["OutputConfig"].get("NotificationConfig") or {}
        if arn := config.get(topic):
            sns = self._site.cloud.client("sns", request.key[1])
            sns.publish(TopicArn=arn, Message=json.dumps(_notice(request, topic == "SuccessTopic", more)))


def _notice(request: Request, succeeded: bool, more: Payload) -> Payload:
    place = {"outputLocation": str(request.output)} if succeeded else {}
    if not succeeded and request.failure:
        place = {"failureLocation": str(request.failure)}
    reason = {"failureReason": more["failureReason"]} if "failureReason" in more else {}
    content_type = {"contentType": more["contentType"]} if "contentType" in more else {}
    return {
        "awsRegion": request.key[1],
        "eventTime": _moment(time.time()),
        "receivedTime": _moment(request.received),
        "invocationStatus": "Completed" if succeeded else "Failed",
        **reason,
        "requestParameters": {
            "contentType": request.params.get("ContentType", "application/octet-stream"),
            "endpointName": request.key[2],
            "inputLocation": str(request.input),
        },
        "responseParameters": content_type | place,
        "inferenceId": request.id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def _post(port: int, params: Payload, body: bytes) -> tuple[int, str, bytes]:
    names = {"ContentType": "Content-Type", "Accept": "Accept", "InferenceId": "X-Amzn-SageMaker-Inference-Id"}
    headers = {header: str(params[name]) for name, header in names.items() if params.get(name)}
    seconds = float(params.get("InvocationTimeoutSeconds") or DEFAULT_TIMEOUT_SECONDS)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("POST", "/invocations", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type", "application/octet-stream"), answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise FailedError(f"ServerError: the container did not answer: {error}") from error
    finally:
        connection.close()


def _instances(endpoint: Endpoint) -> int:
    return sum(endpoint.count(name) for name in endpoint.variants)


def _kms(endpoint: Endpoint) -> Payload:
    key = (endpoint.asynchronous or {})["OutputConfig"].get("KmsKeyId")
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
