"""What buckets and image repositories still hold that were guarded, and whose code is gone.

Their states say that they go only when they are empty. AWS would refuse them after all around them was destroyed, so it
is looked at before; and nobody's data is emptied here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ci.errors import CommandError
from ci.site import Site
from ci.state import address
from ci.undeclared import Remains

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_s3 import S3Client

# In batches that S3 takes; a bucket keeps what was deleted as a version until that goes too.
_EMPTY_BUCKET = (
    "while aws s3api list-object-versions --region {region} --bucket {name} --no-paginate --output json --query "
    "'{{Quiet: `true`, Objects: [Versions, DeleteMarkers][].{{Key: Key, VersionId: VersionId}}}}' > doomed.json "
    "&& grep -q VersionId doomed.json; do aws s3api delete-objects --region {region} --bucket {name} "
    "--delete file://doomed.json > refused.json || break; grep Message refused.json && break; done"
)
_EMPTY_REPOSITORY = "aws ecr delete-repository --force --region {region} --repository-name {name}"
_LOCKED = (
    "Object Lock keeps what is in {name} until the lock of each version ends, `keep_days` after it was written; "
    "stop what writes there (aws cloudtrail stop-logging), and come back when S3 has let the last one go"
)

# How to empty it, or None where there is nothing in it.
Look = Callable[[Site, str, Mapping[str, Any]], str | None]


def check_empty(site: Site, doomed: Sequence[Remains]) -> None:
    """Raise `CommandError` with each that was guarded and holds something, and how to empty it."""
    full = [found for one in doomed for found in _full(site, one)]
    if full:
        ways = "".join(f"\n  {name}: {way}" for name, way in full)
        raise CommandError(
            thing=f"destroy of {site.name!r}",
            value=", ".join(name for name, _ in full),
            rule="was guarded and is not empty, so AWS would refuse to delete it; nothing was touched",
            fix=f"leave its stack out and it stays, or empty it yourself and run this again:{ways}",
        )


def _full(site: Site, one: Remains) -> Iterator[tuple[str, str]]:
    """Yield what of a stack holds something, as STACK:ADDRESS, with the way to empty it."""
    for block in one.state.get("resources", ()):
        flag, look = _KINDS.get(block["type"], ("", None))
        for instance in block["instances"] if look and block["mode"] == "managed" else ():
            attributes = instance["attributes"]
            if look and not attributes.get(flag) and (way := look(site, one.told.region, attributes)):
                yield f"{one.told.stack}:{address(block, instance)}", way


def _bucket(site: Site, region: str, attributes: Mapping[str, Any]) -> str | None:
    s3: S3Client = site.client("s3", region)
    name = attributes["bucket"]
    try:
        found = s3.list_object_versions(Bucket=name, MaxKeys=1)
    except s3.exceptions.NoSuchBucket:
        return None
    if not found.get("Versions") and not found.get("DeleteMarkers"):
        return None
    return (_LOCKED if attributes.get("object_lock_enabled") else _EMPTY_BUCKET).format(name=name, region=region)


def _repository(site: Site, region: str, attributes: Mapping[str, Any]) -> str | None:
    ecr: ECRClient = site.client("ecr", region)
    name = attributes["name"]
    try:
        images = ecr.list_images(repositoryName=name, maxResults=1)["imageIds"]
    except ecr.exceptions.RepositoryNotFoundException:
        return None
    return _EMPTY_REPOSITORY.format(name=name, region=region) if images else None


# What Terraform destroys with its contents only if its state says so, and by which word.
_KINDS: Mapping[str, tuple[str, Look]] = {
    "aws_s3_bucket": ("force_destroy", _bucket),
    "aws_ecr_repository": ("force_delete", _repository),
}
