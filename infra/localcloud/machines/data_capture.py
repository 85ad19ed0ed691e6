"""Data capture: requests and answers of an endpoint as JSON lines in S3, in SageMaker's own layout.

`DESTINATION/ENDPOINT/VARIANT/yyyy/mm/dd/hh/MM-SS-mmm-ID.jsonl`, one line a request. The path of a request only draws
lots; everything else happens on the ticker's thread.
"""

import base64
import json
import random
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from infra.localcloud.cloud import Payload
from infra.localcloud.machines.site import Site
from infra.localcloud.machines.storage import S3Uri

if TYPE_CHECKING:
    from infra.localcloud.machines.upstream import Answer

EVERYTHING = 100
INFERENCE_ID, CUSTOM_ATTRIBUTES = b"x-amzn-sagemaker-inference-id", b"x-amzn-sagemaker-custom-attributes"


@dataclass(frozen=True)
class Capture:
    """What an endpoint's configuration says about keeping its requests."""

    destination: S3Uri
    percent: float
    modes: frozenset[str]
    json_types: frozenset[str]
    csv_types: frozenset[str]
    kms_key: str | None

    @classmethod
    def of(cls, config: Payload | None) -> "Capture | None":
        """Read `DataCaptureConfig`; None where nothing is to be kept."""
        if not config or not config.get("EnableCapture", True) or not config.get("InitialSamplingPercentage"):
            return None
        types = config.get("CaptureContentTypeHeader") or {}
        return cls(
            destination=S3Uri.parse(config["DestinationS3Uri"]),
            percent=config["InitialSamplingPercentage"],
            modes=frozenset(option["CaptureMode"] for option in config["CaptureOptions"]),
            json_types=frozenset(types.get("JsonContentTypes") or ()),
            csv_types=frozenset(types.get("CsvContentTypes") or ()),
            kms_key=config.get("KmsKeyId"),
        )

    def drawn(self) -> bool:
        """Whether this request is among the share that is kept."""
        return self.percent >= EVERYTHING or random.random() * EVERYTHING < self.percent  # noqa: S311


@dataclass(frozen=True)
class Exchange:
    """A request that was drawn, and its answer."""

    request_id: str
    at: float
    headers: Mapping[bytes, bytes]
    body: bytes
    answer: "Answer"


class CaptureWriter:
    """Collects lines by endpoint and variant, and writes each batch as one object."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._lines: dict[tuple[str, str, Capture], list[str]] = {}
        self._due = 0.0
        site.ticker.add(self._flush_when_due)

    def add(self, region: str, folder: str, capture: Capture, exchange: Exchange) -> None:
        """Keep one exchange of ENDPOINT/VARIANT, which `folder` names."""
        line = json.dumps(_event(capture, exchange))
        with self._lock:
            self._lines.setdefault((region, folder, capture), []).append(line)

    def _flush_when_due(self) -> None:
        if time.monotonic() < self._due or not self._lines:
            return
        self._due = time.monotonic() + self._site.settings.capture_seconds
        with self._lock:
            batches, self._lines = self._lines, {}
        for (region, folder, capture), lines in batches.items():
            self._write(region, folder, capture, lines)

    def _write(self, region: str, folder: str, capture: Capture, lines: list[str]) -> None:
        now = datetime.now(UTC)
        name = f"{now:%M-%S}-{now.microsecond // 1000:03}-{uuid.uuid4()}.jsonl"
        target = capture.destination / f"{folder}/{now:%Y/%m/%d/%H}/{name}"
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": capture.kms_key} if capture.kms_key else {}
        body = "".join(f"{line}\n" for line in lines).encode()
        s3 = self._site.cloud.client("s3", region)
        s3.put_object(Bucket=target.bucket, Key=target.key, Body=body, **encryption)


def _event(capture: Capture, exchange: Exchange) -> Payload:
    sides = {
        "endpointInput": ("Input", exchange.headers.get(b"content-type", b""), exchange.body),
        "endpointOutput": ("Output", exchange.answer.headers.get(b"content-type", b""), exchange.answer.body),
    }
    kept = {
        name: _side(capture, mode, content_type.decode("latin-1"), body)
        for name, (mode, content_type, body) in sides.items()
        if mode in capture.modes or "InputAndOutput" in capture.modes
    }
    moment = datetime.fromtimestamp(exchange.at, UTC)
    about: dict[str, Any] = {"eventId": exchange.request_id, "inferenceTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
    if given := exchange.headers.get(INFERENCE_ID):
        about["inferenceId"] = given.decode("latin-1")
    if attributes := exchange.headers.get(CUSTOM_ATTRIBUTES):
        about["customAttributes"] = [attributes.decode("latin-1")]
    return {"captureData": kept, "eventMetadata": about, "eventVersion": "0"}


def _side(capture: Capture, mode: str, content_type: str, body: bytes) -> Payload:
    plain = content_type.partition(";")[0].strip()
    encoding = "JSON" if plain in capture.json_types else "CSV" if plain in capture.csv_types else "BASE64"
    data = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode(errors="replace")
    return {"observedContentType": content_type, "mode": mode.upper(), "data": data, "encoding": encoding}
