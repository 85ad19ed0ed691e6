"""What a spot machine is told before it is taken: two minutes' notice, and earlier a hint that it may be.

Two can tell it. EC2's instance metadata service (EC2 user guide: "Spot Instance interruption notices", "EC2 instance
rebalance recommendations") answers 404 until there is something to say. Where containers cannot reach that, EventBridge
puts the same news into an SQS queue. Both are asked again and again in a thread of each machine's first process.
"""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from typing import Any, Protocol
from urllib.parse import urlsplit

from ml.contract import INSTANCE_VARIABLE, METADATA_VARIABLE, NOTICE_QUEUE_VARIABLE, Container
from ml.errors import InputError
from ml.training.stop import StopRequest

PATHS = {
    "spot interruption notice": "/latest/meta-data/spot/instance-action",
    "rebalance recommendation": "/latest/meta-data/events/recommendations/rebalance",
}
EVENTS = {
    "EC2 Spot Instance Interruption Warning": "spot interruption notice",
    "EC2 Instance Rebalance Recommendation": "rebalance recommendation",
}
INSTANCE_PATH = "/latest/meta-data/instance-id"
TOKEN_PATH = "/latest/api/token"
TOKEN, TOKEN_LIFE = "X-aws-ec2-metadata-token", "X-aws-ec2-metadata-token-ttl-seconds"
ANSWER_SECONDS = 2.0
TOKEN_SECONDS = 21600
MOST_MESSAGES, MOST_HELD = 10, 500
# For as long another reader of the queue does not see what this one has in its hands.
HANDS_SECONDS = 10


class Source(Protocol):
    """Who tells of notices."""

    name: str

    def notice(self) -> str:
        """Return what is said to this machine; nothing while there is nothing. Any error: it did not answer."""
        ...


@contextmanager
def watched(sources: Sequence[Source], stop: StopRequest, seconds: float) -> Iterator[None]:
    """Ask `stop` to stop when a source has a notice; no source, nothing to watch."""
    over = threading.Event()
    if sources:
        threading.Thread(target=_watch, args=(sources, stop, seconds, over), name="notices", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def sources(container: Container) -> list[Source]:
    """Return those that the job's variables name."""
    metadata = Metadata(container.metadata_endpoint) if container.metadata_endpoint else None
    found: list[Source] = [metadata] if metadata else []
    if container.notice_queue:
        instance = container.instance_id or (metadata.instance_id() if metadata else None)
        if not instance and metadata is None:
            rule, fix = "tells of all machines, and this one's id is not known", f"set {INSTANCE_VARIABLE} too"
            value = f"{container.notice_queue!r} without {INSTANCE_VARIABLE} or {METADATA_VARIABLE}"
            raise InputError(f"variable {NOTICE_QUEUE_VARIABLE}", value, rule, fix)
        # A machine that does not tell its id now is asked for its notices all the same, and that it is silent is said.
        found += [NoticeQueue(container.notice_queue, instance)] if instance else []
    return found


class Metadata:
    """The metadata service at an address, asked by tokens (IMDSv2)."""

    def __init__(self, endpoint: str) -> None:
        self.name = endpoint.rstrip("/")
        self._token, self._renewed = "", 0.0

    def notice(self) -> str:
        """Ask for each kind of notice."""
        said = ((kind, self._get(path)) for kind, path in PATHS.items())
        return next((f"{kind} ({_shown(text)})" for kind, text in said if text), "")

    def instance_id(self) -> str:
        """Return what EC2 calls this machine; nothing if it does not answer."""
        try:
            return self._get(INSTANCE_PATH)
        except (OSError, HTTPException):
            return ""

    def _get(self, path: str) -> str:
        if not self._token or time.monotonic() - self._renewed > TOKEN_SECONDS / 2:
            self._token = self._ask("PUT", TOKEN_PATH, {TOKEN_LIFE: str(TOKEN_SECONDS)})
            self._renewed = time.monotonic()
        try:
            return self._ask("GET", path, {TOKEN: self._token})
        except HTTPException:  # Such as a token that has run out: the next look gets another.
            self._token = ""
            raise

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> str:
        """Return what is said there; nothing where the service says that there is nothing."""
        address = urlsplit(self.name)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            said = answer.read().decode()
        finally:
            connection.close()
        if answer.status not in (200, 404):
            raise HTTPException(f"{answer.status} {path}")
        return said if answer.status == 200 else ""


class NoticeQueue:
    """A queue of EventBridge's events of all spot machines, of which only those of `instance` are taken out.

    Others look through the same queue: what is theirs is held until all has been seen, then handed back at once.
    """

    def __init__(self, url: str, instance: str) -> None:
        self.name, self._instance = url, instance

    def notice(self) -> str:
        """Look through what lies in the queue."""
        held: list[Any] = []
        try:
            while len(held) < MOST_HELD and (received := self._receive()):
                held += received
                for message in received:
                    if said := self._meant(message["Body"]):
                        held.remove(message)
                        self._sqs.delete_message(QueueUrl=self.name, ReceiptHandle=message["ReceiptHandle"])
                        return said
        finally:
            for message in held:
                self._sqs.change_message_visibility(
                    QueueUrl=self.name, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
        return ""

    def _receive(self) -> Any:
        answer = self._sqs.receive_message(
            QueueUrl=self.name, MaxNumberOfMessages=MOST_MESSAGES, VisibilityTimeout=HANDS_SECONDS
        )
        return answer.get("Messages", ())

    def _meant(self, body: str) -> str:
        event = json.loads(body)
        kind, detail = EVENTS.get(event.get("detail-type", "")), event.get("detail", {})
        if not kind or detail.get("instance-id") != self._instance:
            return ""
        return f"{kind} ({_shown(json.dumps(detail | {'time': event.get('time')}))})"

    @cached_property
    def _sqs(self) -> Any:
        import boto3

        return boto3.client("sqs")


def _watch(sources: Sequence[Source], stop: StopRequest, seconds: float, over: threading.Event) -> None:
    silent = set[str]()
    said = ""
    while not said and not over.wait(seconds):
        for source in sources:
            try:
                said = said or source.notice()
            except Exception as error:  # Away for a moment: the next look may find it.
                if source.name not in silent:
                    print(f"warning notices={source.name} no answer ({error!r:.200}); asked again", flush=True)
                silent.add(source.name)
    if said:
        stop.ask(said)


def _shown(notice: str) -> str:
    try:
        return ", ".join(f"{name} {value}" for name, value in json.loads(notice).items())
    except (ValueError, AttributeError):
        return notice[:80]
