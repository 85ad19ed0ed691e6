"""Only what is used is loaded, and nothing of it shows in the environment of other children."""

import json
import os
import subprocess
import sys
from pathlib import Path

from infra.bindings import hooked_node

COUNT_MODULES = """
import json, sys
import infra
from cdktf_cdktf_provider_aws.s3_bucket import S3Bucket
package = "cdktf_cdktf_provider_aws."
print(json.dumps(sorted({name.split(".")[1] for name in sys.modules if name.startswith(package)})))
"""


def test_one_binding_loads_one_binding() -> None:
    answer = subprocess.run([sys.executable, "-c", COUNT_MODULES], capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == ["_jsii", "s3_bucket"]


def test_words_alone_load_no_toolkit() -> None:
    code = "import sys, environments; environments.load('local'); print('cdktf' in sys.modules, 'boto3' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]


def test_other_children_inherit_nothing_of_ours() -> None:
    before = {"PATH": os.environ["PATH"], "NODE_OPTIONS": "--use-openssl-ca"}
    environment = dict(before)
    with hooked_node(environment):
        assert environment["NODE_OPTIONS"].startswith("--use-openssl-ca --require=")
    assert environment == before


def test_whoever_imports_the_toolkit_first_starts_node_with_our_hooks(tmp_path: Path) -> None:
    # Python's own NODE_OPTIONS must stay as they were, and the address is ours.
    code = (
        "import infra, constructs, os, sys, pathlib; from cdktf_cdktf_provider_aws.sns_topic import SnsTopic; "
        "import environments; from infra.toolkit import Stack, new_app\n"
        "with new_app(pathlib.Path(sys.argv[1])) as app:\n"
        "    stack = Stack(app, environments.load('local'), 'us-east-1', 'network')\n"
        "    print(SnsTopic(constructs.Construct(stack, 'alarms'), 'topic').friendly_unique_id)\n"
        "print(os.environ.get('NODE_OPTIONS'))"
    )
    answer = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert answer.stdout == "alarms\nNone\n"


def test_a_toolkit_without_our_hooks_is_refused() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "import constructs, infra"], capture_output=True, text=True, check=False
    )
    assert "ToolkitError: import: 'cdktf' has started Node without Groundplan's hooks" in answer.stderr


def test_missing_node_ends_the_program_with_2() -> None:
    child = {**os.environ, "JSII_NODE": "/nowhere/node"}
    answer = subprocess.run([sys.executable, "app.py", "local"], capture_output=True, text=True, check=False, env=child)
    assert (answer.returncode, answer.stderr) == (
        2,
        "node: /nowhere/node is no program on this machine; install Node.js 20 or newer, or point JSII_NODE at one\n",
    )
