"""A Lambda function of `infra/functions`: archived the same on every machine, allowed what it is told, logged."""

import atexit
import base64
import hashlib
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from cdktf import AssetType, TerraformAsset
from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup
from cdktf_cdktf_provider_aws.lambda_function import LambdaFunction

from infra.naming import Names
from infra.role import Role, Statement
from infra.toolkit import Construct, skip_check

SOURCES = Path(__file__).with_name("functions")
RUNTIME, ARCHITECTURE = "python3.12", "arm64"
# The first day that a zip can tell: every archive of equal files is equal.
EPOCH = (1980, 1, 1, 0, 0, 0)
LONGEST_NAME = 64


class Function(Construct):
    """The handler ``package.module`` of a folder in `infra/functions`, with `settings` as settings.json beside it."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        names: Names,
        handler: str,
        settings: Mapping[str, object],
        statements: Sequence[Statement],
        key_arn: str,
        kept_days: int = 365,
    ) -> None:
        super().__init__(scope, id)
        package, module = handler.split(".")
        name = names.regional(module, longest=LONGEST_NAME)
        group = CloudwatchLogGroup(
            self, "log_group", name=f"/aws/lambda/{name}", retention_in_days=kept_days, kms_key_id=key_arn
        )
        write = Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (f"{group.arn}:*",))
        role = Role(
            self,
            "execution",
            name=names.role(module),
            service="lambda.amazonaws.com",
            for_account=names.account_id,
            statements=(write, *statements),
        )
        archive = _archive(package, json.dumps(settings, sort_keys=True))
        asset = TerraformAsset(self, "archive", path=str(archive), type=AssetType.FILE)
        function = LambdaFunction(
            self,
            "function",
            function_name=name,
            role=role.arn,
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            handler=f"{package}/{module}.handler",
            filename=asset.path,
            source_code_hash=base64.b64encode(hashlib.sha256(archive.read_bytes()).digest()).decode(),
            timeout=300,
            memory_size=256,
            depends_on=[group],
        )
        _explain(function)
        self.arn: str = function.arn


def _explain(function: LambdaFunction) -> None:
    skip_check(
        function,
        CKV_AWS_50="it calls AWS a few times an hour; its log has a line for each",
        CKV_AWS_115="reserving concurrency fails in accounts whose whole quota is ten, as new ones have",
        CKV_AWS_116="a lost call is made up for by the next one, or by a person who reads the budget's mail",
        CKV_AWS_117="it speaks to AWS's own interfaces and to nothing in the network",
        CKV_AWS_272="the archive comes out of this repository in the same deploy",
    )


@cache
def _archive(package: str, settings: str) -> Path:
    """Write the archive of a package: equal bytes for equal files, whenever and wherever it is made."""
    buffer = io.BytesIO()
    files = {f"{package}/{file.name}": file.read_bytes() for file in sorted((SOURCES / package).glob("*.py"))}
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in {**files, "settings.json": settings.encode()}.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    content = buffer.getvalue()
    file = _drafts() / hashlib.sha256(content).hexdigest() / f"{package}.zip"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    return file


@cache
def _drafts() -> Path:
    """Make a folder that ends with this process: at synthesis the toolkit copies what lies in it to the output."""
    folder = tempfile.mkdtemp(prefix="groundplan-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
