"""Drift: what was changed or removed by other ways is found, told on GitHub once, and nothing is touched."""

import json
from pathlib import Path

import pytest

from ci.deploy import deploy
from ci.workflow.recorder import recorder
from tests.ci.conftest import Tiny

pytestmark = pytest.mark.terraform

APP = """
import json, os
from pathlib import Path

HERE = {"access_key": "test", "secret_key": "test", "skip_credentials_validation": True, "region": "us-east-1"}
STATE = {"bucket": "groundplan-local-state", "key": "local/us-east-1/one.tfstate", "use_path_style": True, **HERE}
NAMES = ("kept", "changed", "removed")
folder = Path(os.environ["CDKTF_OUTDIR"]) / "stacks" / "local-us-east-1-one"
folder.mkdir(parents=True, exist_ok=True)
(folder / "cdk.tf.json").write_text(json.dumps({
    "terraform": {
        "backend": {"s3": STATE | {"use_lockfile": True, "skip_metadata_api_check": True}},
        "required_providers": {"aws": {"source": "hashicorp/aws", "version": "5.100.0"}},
    },
    "provider": {"aws": [{**HERE, "skip_metadata_api_check": "true"}]},
    "resource": {"aws_ssm_parameter": {name: {"name": name, "type": "String", "value": "a"} for name in NAMES}},
}))
stack = {"name": "one", "workingDirectory": "stacks/local-us-east-1-one", "dependencies": []}
(folder.parent.parent / "manifest.json").write_text(json.dumps({"stacks": {"local-us-east-1-one": stack}}))
"""


def test_what_others_changed_and_removed_is_told_until_it_is_put_back(tiny: Tiny, tmp_path: Path) -> None:
    (tiny.workspace.root / "app.py").write_text(APP)
    deploy(tiny.site())
    ssm = tiny.site().client("ssm")
    ssm.put_parameter(Name="changed", Value="b", Overwrite=True)
    ssm.delete_parameter(Name="removed")
    with recorder() as kept:
        words = ("drift", "local", "--json", "--issue", "--repository", "a/b", "--api", kept.url, "--token", "t")
        answer = tiny.run(*words)
        assert answer.returncode == 2, answer.stderr
        told = json.loads(answer.stdout)
        found = {one["address"]: one["action"] for one in told["stacks"]["local-us-east-1-one"]}
        assert found == {"aws_ssm_parameter.changed": "update", "aws_ssm_parameter.removed": "destroy"}
        (issue,) = kept.issues.values()
        assert "value: (sensitive) → (sensitive)" in issue["body"]
        assert "drifted: 2 of 3 resources in 1 stack" in issue["body"]
        ssm.put_parameter(Name="changed", Value="a", Overwrite=True)
        ssm.put_parameter(Name="removed", Value="a", Type="String")
        answer = tiny.run(*words)
        assert answer.returncode == 0, answer.stderr
        assert issue["state"] == "closed"
