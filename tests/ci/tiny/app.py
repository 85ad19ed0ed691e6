"""Stands in for the repository's app.py: three stacks in a row and one beside them, of resources that need no provider.

`plan.json` beside this file says what the stacks run, so that a test can make one slow or broken. Under "drifts" it
names a stack that is never as its code says, under "wants" another input of a stack, under "lacks" a stack without its
second resource, under "only" the stacks that there are, under "cdktf" a version of what `moving.py` writes in their
place. A stack hands its input on, and takes that of the one before it.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import moving

AFTER = {"first": [], "second": ["first"], "third": ["second"], "aside": []}
BUCKET = "groundplan-local-state"


def stack(environment: str, name: str, command: str, wanted: object, *, whole: bool) -> dict[str, Any]:
    backend = s3(environment, name)
    runs = {"provisioner": [{"local-exec": {"command": command}}]}
    readers = {f"from_{other}": {"backend": "s3", "config": s3(environment, other)} for other in AFTER[name]}
    handed = [f"${{data.terraform_remote_state.from_{other}.outputs.input}}" for other in AFTER[name]]
    resources = {
        "before": {"input": [wanted, *handed]},
        **({"work": {"input": 1, "depends_on": ["terraform_data.before"], **runs}} if whole else {}),
    }
    return {
        "terraform": {"backend": {"s3": backend | {"use_lockfile": True}}},
        **({"data": {"terraform_remote_state": readers}} if readers else {}),
        "resource": {"terraform_data": resources},
        "output": {"input": {"value": "${terraform_data.before.output}"}},
    }


def s3(environment: str, name: str) -> dict[str, Any]:
    return {
        "bucket": BUCKET,
        "key": f"{environment}/us-east-1/{name}.tfstate",
        "region": "us-east-1",
        "use_path_style": True,
        "access_key": "test",
        "secret_key": "test",
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_requesting_account_id": True,
    }


def main(environment: str, out: Path) -> None:
    commands = json.loads((Path(__file__).parent / "plan.json").read_text())
    if "cdktf" in commands:
        moving.main(f"{environment}-us-east-1-aside", s3(environment, "aside"), commands["cdktf"], out)
        return
    stacks: dict[str, Any] = {}
    for name in commands.get("only", AFTER):
        after = AFTER[name]
        id = f"{environment}-us-east-1-{name}"
        folder = out / "stacks" / id
        folder.mkdir(parents=True, exist_ok=True)
        wanted = "${timestamp()}" if commands.get("drifts") == name else commands.get("wants", {}).get(name, 1)
        whole = commands.get("lacks") != name
        written = stack(environment, name, commands.get(name, "true"), wanted, whole=whole)
        (folder / "cdk.tf.json").write_text(json.dumps(written))
        dependencies = [f"{environment}-us-east-1-{other}" for other in after]
        stacks[id] = {"name": id, "workingDirectory": f"stacks/{id}", "dependencies": dependencies}
    (out / "manifest.json").write_text(json.dumps({"version": "0.21.0", "stacks": stacks}))


if __name__ == "__main__":
    main(sys.argv[1], Path(os.environ["CDKTF_OUTDIR"]))
