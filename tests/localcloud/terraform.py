"""Runs real Terraform on small modules against the embedded cloud: one `init` for all of them."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ci.child_environment import child_environment
from ci.provider_mirror import find_mirror
from ci.stack_runner import CHECKSUMS, LOCK_FILE
from ci.tools import find_terraform
from infra.localcloud import CloudRecord

MODULES = Path(__file__).parent / "modules"

PROVIDER = {
    "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws", "version": "5.100.0"}}},
    "provider": {
        "aws": {
            "region": "us-east-1",
            "access_key": "test",
            "secret_key": "test",
            "skip_credentials_validation": True,
            "skip_metadata_api_check": "true",
            "s3_use_path_style": True,
            "default_tags": {"tags": {"project": "groundplan", "component": "test"}},
        }
    },
}


@dataclass(frozen=True)
class Outcome:
    """How a Terraform command ended and what it said."""

    code: int
    text: str


class Terraform:
    """A folder in which `terraform init` ran once; every module gets a folder of its own beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = str(find_terraform())
        (folder / "provider.tf.json").write_text(json.dumps(PROVIDER))
        mirror = find_mirror(None, folder)
        config = f'provider_installation {{\n  filesystem_mirror {{\n path = "{mirror}"\n }}\n}}\n' if mirror else ""
        (folder / "terraform.rc").write_text(config)
        self._environment = child_environment(
            {"TF_CLI_CONFIG_FILE": str(folder / "terraform.rc"), "TF_DATA_DIR": str(folder / "data")}, forget=("AWS_",)
        )
        ready = self._run(folder, None, "init")
        assert ready.code == 0, ready.text
        self.lock_file.write_text(CHECKSUMS.sub("", self.lock_file.read_text()))

    @property
    def lock_file(self) -> Path:
        """What a folder with a module of its own needs beside it; as in a deploy, only init checks the provider."""
        return self._folder / LOCK_FILE

    def module(self, name: str, cloud: CloudRecord) -> "Module":
        """The module of that name, ready to be applied to `cloud`."""
        folder = self._folder / f"{name}-{cloud.port}"
        folder.mkdir()
        shutil.copy(MODULES / f"{name}.tf.json", folder)
        for shared in ("provider.tf.json", LOCK_FILE):
            shutil.copy(self._folder / shared, folder)
        return Module(self, folder, cloud)

    def stack(self, written: Path, cloud: CloudRecord) -> "Module":
        """A synthesized stack that needs no other one, ready to be applied to `cloud` with its state in a file."""
        document = json.loads(written.read_text())
        del document["terraform"]["backend"]
        folder = self._folder / f"{written.parent.name}-{cloud.port}"
        folder.mkdir(exist_ok=True)
        (folder / written.name).write_text(json.dumps(document))
        if (assets := written.parent / "assets").exists():
            shutil.copytree(assets, folder / "assets", dirs_exist_ok=True)
        shutil.copy(self.lock_file, folder)
        return Module(self, folder, cloud)

    def _run(self, folder: Path, cloud: CloudRecord | None, *arguments: str) -> Outcome:
        address = {"AWS_ENDPOINT_URL": cloud.url} if cloud else {}
        done = subprocess.run(
            [self._program, *arguments, "-no-color", "-input=false"],
            cwd=folder,
            env=self._environment | address,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        return Outcome(done.returncode, done.stdout)


@dataclass(frozen=True)
class Module:
    """One small Terraform module with a state of its own."""

    terraform: Terraform
    folder: Path
    cloud: CloudRecord

    def apply(self) -> Outcome:
        """Create what the module says."""
        return self._run("apply", "-auto-approve")

    def plan(self) -> Outcome:
        """Compare with what the cloud reads back; code 0 means nothing to change, 2 that something drifted."""
        return self._run("plan", "-detailed-exitcode")

    def destroy(self) -> Outcome:
        """Delete everything."""
        return self._run("destroy", "-auto-approve")

    def _run(self, *arguments: str) -> Outcome:
        return self.terraform._run(self.folder, self.cloud, *arguments)
