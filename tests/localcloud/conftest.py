"""One embedded cloud for all tests of this folder, and clients to it."""

import functools
import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from infra.localcloud import CloudRecord, start, stop
from tests.localcloud.terraform import Terraform

ROOT = Path(__file__).parents[2]
Clients = Callable[..., Any]


def make_client(cloud: CloudRecord, service: str, region: str = "us-east-1") -> Any:
    """A boto3 client of `cloud` that reports the first failure instead of trying again."""
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name=region,
        endpoint_url=cloud.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def inventory(cloud: CloudRecord) -> list[dict[str, str]]:
    """Everything that exists in `cloud`."""
    with urllib.request.urlopen(f"{cloud.url}/_groundplan/inventory", timeout=60) as answer:
        found: list[dict[str, str]] = json.load(answer)["resources"]
        return found


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudRecord]:
    home = tmp_path_factory.mktemp("home")
    folder = home / "clouds" / "shared"
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps({"metric_seconds": 1}))
    yield start("shared", home, program=ROOT)
    stop("shared", home)


@pytest.fixture(scope="session")
def client(cloud: CloudRecord) -> Clients:
    """client("s3") or client("s3", "eu-west-1"): a boto3 client of the shared cloud."""
    return functools.partial(make_client, cloud)


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    return Terraform(tmp_path_factory.mktemp("terraform"))
