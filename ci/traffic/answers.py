"""What two releases answered, as far as answers are kept: counts of labels, and copies that were answered otherwise."""

import base64
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# The newest files of one look, of which each holds many answers: a sample is enough.
MOST_FILES = 300


@dataclass(frozen=True)
class Answer:
    """The labels that one request was answered with, and what the request can be recognised by."""

    at: float
    request: str
    labels: tuple[str, ...]


class KeptAnswers:
    """The captured answers of an endpoint's variants; a file is read once."""

    def __init__(self, s3: "S3Client", destination: str, endpoint: str) -> None:
        bucket, _, prefix = destination.removeprefix("s3://").partition("/")
        self._s3, self._bucket, self._prefix = s3, bucket, f"{prefix.rstrip('/')}/{endpoint}"
        self._read: dict[str, tuple[Answer, ...]] = {}

    def between(self, variant: str, begin: float, end: float) -> list[Answer]:
        """Return what the variant answered in that time, in seconds since 1970; nothing to who may not read it."""
        from botocore.exceptions import ClientError

        try:
            return self._between(variant, begin, end)
        except ClientError as error:
            # An operator moves endpoints and reads no data: shares of labels are then not judged.
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return []

    def _between(self, variant: str, begin: float, end: float) -> list[Answer]:
        keys = [key for hour in _hours(begin, end) for key in self._keys(f"{self._prefix}/{variant}/{hour}/", begin)]
        found = [answer for key in keys[-MOST_FILES:] for answer in self._answers(key)]
        # Events are stamped with whole seconds.
        return [answer for answer in found if int(begin) <= answer.at <= end]

    def _keys(self, prefix: str, begin: float) -> Iterator[str]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                if entry["LastModified"].timestamp() >= int(begin):
                    yield entry["Key"]

    def _answers(self, key: str) -> tuple[Answer, ...]:
        if key not in self._read:
            body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode()
            self._read[key] = tuple(read(json.loads(line)) for line in body.splitlines() if line)
        return self._read[key]


def labels(answers: list[Answer]) -> Mapping[str, int]:
    """Count the labels."""
    return dict(Counter(label for answer in answers for label in answer.labels))


def pairs(copies: list[Answer], originals: list[Answer]) -> tuple[int, int]:
    """Return how many copies have an original, and how many of those were answered otherwise."""
    known = {answer.request: answer.labels for answer in originals}
    both = [answer for answer in copies if answer.request in known]
    return len(both), sum(answer.labels != known[answer.request] for answer in both)


def _hours(begin: float, end: float) -> list[str]:
    first = datetime.fromtimestamp(begin, UTC).replace(minute=0, second=0, microsecond=0)
    count = int((datetime.fromtimestamp(end, UTC) - first) / timedelta(hours=1)) + 1
    return [f"{first + timedelta(hours=hour):%Y/%m/%d/%H}" for hour in range(count)]


def read(event: Any) -> Answer:
    """Return the answer in one captured event."""
    about, output = event["eventMetadata"], event["captureData"].get("endpointOutput", {})
    at = datetime.fromisoformat(about["inferenceTime"].replace("Z", "+00:00")).timestamp()
    return Answer(at, about.get("inferenceId") or about["eventId"], tuple(_labels(output)))


def _labels(output: Mapping[str, str]) -> Iterator[str]:
    """Read the labels of an answer; what is none of our servers' has none."""
    text = output.get("data", "")
    try:
        found = json.loads(base64.b64decode(text) if output.get("encoding") == "BASE64" else text)
    except ValueError:
        return
    for prediction in found.get("predictions", ()) if isinstance(found, dict) else ():
        if isinstance(prediction, dict) and isinstance(prediction.get("label"), str):
            yield prediction["label"]
