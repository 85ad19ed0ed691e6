"""The stack of one fleet, as Terraform JSON that needs no other stack's state: what it takes from them is made here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.localcloud import CloudRecord
from infra.spec import EdgeFleetSpec, Environment
from tests.localcloud.conftest import make_client


@contextmanager
def ground(cloud: CloudRecord) -> Iterator[dict[str, str]]:
    """Buckets and a key, as the data stack makes them; gone at the end, with their contents."""
    s3, kms = make_client(cloud, "s3"), make_client(cloud, "kms")
    key = kms.create_key()["KeyMetadata"]
    made = {"key_arn": key["Arn"]}
    for purpose, field in (("lake", "data_bucket"), ("bundles", "artifact_bucket")):
        s3.create_bucket(Bucket=purpose)
        made |= {field: purpose, f"{field}_arn": f"arn:aws:s3:::{purpose}"}
    yield made
    for bucket in ("lake", "bundles"):
        for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
            s3.delete_object(Bucket=bucket, Key=entry["Key"])
        s3.delete_bucket(Bucket=bucket)
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)


def edge_stack(environment: Environment, fleet: EdgeFleetSpec, made: dict[str, str], outdir: Path) -> Path:
    """Write the edge stack of `environment` with one `fleet`, and return the file."""
    from infra.toolkit import new_app
    from stacks.data import DataOutputs
    from stacks.edge import EdgeStack

    unused = dict.fromkeys(DataOutputs.__dataclass_fields__, "unused")
    region = environment.regions[0].model_copy(update={"edge_fleets": (fleet,)})
    with new_app(outdir) as app:
        EdgeStack(app, environment, region, DataOutputs(**{**unused, **made}))  # type: ignore[arg-type]
    (file,) = outdir.glob("stacks/*/cdk.tf.json")
    return file
