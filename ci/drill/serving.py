"""The least of a platform that a release needs, on an embedded cloud of its own: one endpoint, and models for it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import environments
from ci.drill.drilled.card import CARD
from ci.model_registry import Package
from ci.site import Site
from ci.workspace import ROOT, Workspace
from infra import localcloud
from infra.naming import Names
from infra.spec import EmbeddedCloud, EndpointSpec
from infra.spec.contract import VARIANT_NAME, Capture, InstanceCapacity, ServingContract
from ml.release import bundle
from ml.release.signing import LocalSigner

BUCKET = "release-drill"
ROLE = "arn:aws:iam::123456789012:role/serving"
IMAGE = "example/ml:v1"
INSTANCE = "ml.m5.large"
# What a laptop's cloud would wait for as long as AWS does.
SETTINGS = {"capture_seconds": 0.25, "scaling_seconds": 1, "server_grace_seconds": 2}


@contextmanager
def running(home: Path, spec: EndpointSpec) -> Iterator[tuple[Site, ServingContract]]:
    """Run a cloud with the endpoint of `spec`, which waits for its first release."""
    local = environments.load("local")
    assert isinstance(local.target, EmbeddedCloud)
    # The environment's own, in a home of its own: the command finds it there.
    cloud = local.target.name
    folder, program = home / "clouds" / cloud, home / "program"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps(SETTINGS))
    shutil.copytree(ROOT / "ml", program / "ml", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(Path(__file__).parent / CARD.name, program / "ml" / "models" / CARD.name)
    record = localcloud.start(cloud, home, program=program)
    try:
        region = local.regions[0].model_copy(update={"endpoints": (spec,)})
        environment = local.model_copy(update={"regions": (region,)})
        site = Site(environment, Workspace(root=ROOT, home=home), record.url)
        yield site, _deployed(site, spec)
    finally:
        localcloud.stop(cloud, home)


def _deployed(site: Site, spec: EndpointSpec) -> ServingContract:
    """Stand the endpoint up without a model, as Terraform does, and hand over what a release must know of it."""
    name = Names.of(site.environment, site.home_region.name).regional(spec.name)
    site.client("s3").create_bucket(Bucket=BUCKET)
    contract = ServingContract(
        endpoint_name=name,
        model=spec.model,
        kind=spec.kind,
        role_arn=ROLE,
        image_uri=IMAGE,
        capacity=InstanceCapacity(
            instance_type=INSTANCE, initial_count=1, volume_key_arn=None, subnet_ids=("s",), security_group_ids=("g",)
        ),
        capture=Capture(percent=100, destination=f"s3://{BUCKET}/captured"),
        model_package_group="drill",
        signing_key_arn="none",
        artifact_bucket=BUCKET,
        kms_key_arn="none",
    )
    sagemaker = site.client("sagemaker")
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": IMAGE})
    machines = {"InstanceType": INSTANCE, "InitialInstanceCount": 1}
    variant = {"VariantName": VARIANT_NAME, "ModelName": name, **machines}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    waiting = {"Delay": 1, "MaxAttempts": 120}
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=waiting)
    parameter = ServingContract.parameter_name(site.environment.project, site.name, spec.name)
    site.client("ssm").put_parameter(Name=parameter, Value=contract.model_dump_json(), Type="String")
    return contract


def package(site: Site, **behaviour: Any) -> Package:
    """Return a signed bundle of the drilled model that behaves so; equal behaviour is an equal version."""
    home = site.workspace.home
    whole = {"seconds": 0.0, "always": "", "crashes": False} | behaviour
    content = home / "bundles" / "-".join(f"{name}={value}" for name, value in whole.items())
    content.mkdir(parents=True, exist_ok=True)
    for name, value in (("card", asdict(CARD)), ("signature", asdict(CARD.signature)), ("behaviour", whole)):
        (content / f"{name}.json").write_text(json.dumps(value))
    signer, archive = LocalSigner.kept_at(home / "signing.pem"), content.parent / f"{content.name}.tar.gz"
    version = bundle.pack(content, signer, archive).version
    site.client("s3").upload_file(str(archive), BUCKET, f"{version}/model.tar.gz")
    return Package(f"arn:{version}", version, f"s3://{BUCKET}/{version}/model.tar.gz", signer.public_key_pem())
