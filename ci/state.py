"""Terraform's state in S3: the bucket that holds it, what a stack has deployed, and locks that a dead run left."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ci.errors import NotDeployedError
from ci.manifest import S3Backend, Stack
from ci.site import Site

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


# Where S3 began, it takes no LocationConstraint, and everywhere else it wants one.
REGION_WITHOUT_CONSTRAINT = "us-east-1"


# Where in an environment's part of the bucket its saved plans lie (ci/changes/saved.py).
PLANS = "/plans/"
NEVER_DEPLOYED = "none"


class StateStore:
    """The state bucket of one environment."""

    def __init__(self, site: Site) -> None:
        self._spec = site.environment.state
        self._embedded = site.endpoint_url is not None
        self._site = site

    @property
    def _s3(self) -> "S3Client":
        client: S3Client = self._site.client("s3", self._spec.region)
        return client

    def ensure_bucket(self) -> None:
        """Make the state bucket of an embedded cloud, bare and quick; that of an account its bootstrap has made.

        Raises `NotDeployedError` where there is none.
        """
        if self.exists:
            return
        if not self._embedded:
            name = self._site.name
            raise NotDeployedError(
                thing=f"environment {name!r}",
                value=f"state bucket {self._spec.bucket!r}",
                rule="does not exist",
                fix=f"make it once, with credentials that may: groundplan bootstrap {name}",
            )
        if self._spec.region == REGION_WITHOUT_CONSTRAINT:
            self._s3.create_bucket(Bucket=self._spec.bucket)
        else:
            where: Any = {"LocationConstraint": self._spec.region}
            self._s3.create_bucket(Bucket=self._spec.bucket, CreateBucketConfiguration=where)
        self._s3.put_bucket_versioning(Bucket=self._spec.bucket, VersioningConfiguration={"Status": "Enabled"})

    def remove_bucket(self) -> None:
        """Remove the state bucket of an embedded cloud with all versions of all states, unless others need it."""
        if self._embedded and self.exists and not self.is_shared:
            self.empty()
            self._s3.delete_bucket(Bucket=self._spec.bucket)

    def empty(self) -> None:
        """Remove all versions of all states."""
        from ci.buckets import empty

        if self.exists:
            empty(self._s3, self._spec.bucket)

    def forget(self, stack: Stack) -> None:
        """Remove the state of a stack that holds nothing any more; its older versions stay."""
        if stack.backend is not None and self.resources(stack) == 0:
            self._s3.delete_object(Bucket=stack.backend.bucket, Key=stack.backend.key)

    def resources(self, stack: Stack) -> int | None:
        """Return how many resources the state of `stack` holds, or None when it was never deployed."""
        state = self._read(stack.backend, suffix="")
        return None if state is None else len(ids_in(state))

    def version(self, stack: Stack) -> str:
        """Return what changes whenever the state of `stack` does."""
        state = self._read(stack.backend, suffix="")
        return NEVER_DEPLOYED if state is None else f"{state['lineage'][:8]}/{state['serial']}"

    def ids(self, stack: Stack) -> dict[str, str]:
        """Return the resources that the state of `stack` holds: address → id."""
        return ids_in(self._read(stack.backend, suffix="") or {})

    def read(self, key: str) -> dict[str, Any]:
        """Return the state at `key`, or an empty one."""
        return self._read(S3Backend(self._spec.bucket, key, self._spec.region), suffix="") or {}

    def lock(self, stack: Stack) -> dict[str, Any] | None:
        """Return Terraform's own lock on the state of `stack`: ID, Who, Created, Operation."""
        return self._read(stack.backend, suffix=".tflock")

    def _read(self, backend: S3Backend | None, *, suffix: str) -> dict[str, Any] | None:
        if backend is None:
            return None
        try:
            answer = self._s3.get_object(Bucket=backend.bucket, Key=backend.key + suffix)
        except (self._s3.exceptions.NoSuchKey, self._s3.exceptions.NoSuchBucket):
            return None
        found: dict[str, Any] = json.loads(answer["Body"].read())
        return found

    def others(self, stack: Stack) -> list[str]:
        """Return the keys of the states in the bucket beside that of `stack`; saved plans are none."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._spec.bucket)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return [key for key in keys if not (stack.backend and key.startswith(stack.backend.key)) and PLANS not in key]

    def undeclared(self, environment: str, stacks: Sequence[Stack]) -> tuple[str, ...]:
        """Return the keys of the environment's states that belong to none of `stacks`, nor to its bootstrap."""
        declared = {stack.backend.key for stack in stacks if stack.backend}
        own = (key for key, _ in self.states() if key.startswith(f"{environment}/"))
        return tuple(key for key in own if key not in declared and not _is_ground(key))

    @property
    def is_shared(self) -> bool:
        """Whether a bootstrap made the bucket, or another environment has states in it."""
        return any(_is_ground(key) or not key.startswith(f"{self._site.name}/") for key, _ in self.states())

    def states(self) -> list[tuple[str, datetime]]:
        """Return every state in the bucket by its key, with the moment when it was written last."""
        if not self.exists:
            return []
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._spec.bucket)
        entries = (entry for page in pages for entry in page.get("Contents", ()))
        return [(entry["Key"], entry["LastModified"]) for entry in entries if entry["Key"].endswith(".tfstate")]

    @property
    def exists(self) -> bool:
        """Whether there is a bucket."""
        from botocore.exceptions import ClientError

        try:
            self._s3.head_bucket(Bucket=self._spec.bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] == "404":
                return False
            raise
        return True


def address(block: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    """Return the address of one of the instances that a block of a state has."""
    return f"{block['type']}.{block['name']}" + (f"[{json.dumps(one['index_key'])}]" if "index_key" in one else "")


def ids_in(state: Mapping[str, Any]) -> dict[str, str]:
    """Return the resources that a state holds: address → id."""
    return {
        address(block, one): str(one["attributes"].get("id"))
        for block in state.get("resources", ())
        if block["mode"] == "managed"
        for one in block["instances"]
    }


def _is_ground(key: str) -> bool:
    return key.endswith("/bootstrap.tfstate")


def is_left_behind(lock: dict[str, Any], *, who: str, since: datetime) -> bool:
    """Tell whether a lock is the one that our own dead run took: by the same user and host, after that run began."""
    return bool(lock.get("Who") == who and datetime.fromisoformat(_seconds(lock["Created"])) >= since)


def _seconds(timestamp: str) -> str:
    # Go writes nanoseconds; Python reads microseconds.
    whole, _, fraction = timestamp.rstrip("Z").partition(".")
    return f"{whole}.{fraction[:6]:0<6}+00:00"
