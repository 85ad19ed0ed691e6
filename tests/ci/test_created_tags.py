"""What the command creates itself is tagged as what the stacks create."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from botocore import xform_name
from botocore.session import Session

ROOT = Path(__file__).parents[2]
TAGGING = {"Tags", "tags", "TagSpecifications", "ResourceTags"}
SERVICES = ("batch", "ec2", "iot", "lambda", "s3", "sagemaker", "sns", "sqs", "ssm", "stepfunctions", "autoscaling")


@cache
def taggable_calls() -> frozenset[str]:
    """Methods of boto3 clients that create something and take tags."""
    session, found = Session(), set()
    for service in SERVICES:
        model = session.get_service_model(service)
        for name in model.operation_names:
            shape = model.operation_model(name).input_shape
            if name.startswith(("Create", "Run", "Submit", "Register")) and shape and TAGGING & set(shape.members):
                found.add(xform_name(name))
    return frozenset(found)


def untagged(tree: ast.AST) -> Iterator[str]:
    """Calls that name their arguments and give no tags; `**call` is looked at where the mapping is written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in taggable_calls():
            names = {keyword.arg for keyword in node.keywords}
            if names and None not in names and not TAGGING & names:
                yield f"{node.func.attr} on line {node.lineno}"


def test_every_call_that_creates_something_gives_tags() -> None:
    found = [
        f"{path.name}: {call}"
        for path in sorted((ROOT / "ci").rglob("*.py"))
        if path.parent.name not in ("bench", "drill")  # What these make lives for minutes, in a cloud of its own.
        for call in untagged(ast.parse(path.read_text()))
    ]
    assert {"create_training_job", "create_endpoint_config", "submit_job"} <= taggable_calls()
    # A bucket is made on the embedded cloud alone, where nobody pays; a package has those of its group alone.
    exempt = ("create_bucket", "create_model_package ")
    assert [call for call in found if not call.split(": ")[1].startswith(exempt)] == []


def test_a_call_without_tags_is_found() -> None:
    tree = ast.parse("client.create_model(ModelName='x')\nclient.create_model(ModelName='x', Tags=[])")
    assert list(untagged(tree)) == ["create_model on line 1"]


def test_a_training_job_carries_the_environments_tags() -> None:
    import environments
    from ci.jobs import tags
    from ci.site import Site
    from ci.workspace import Workspace

    dev = environments.load("dev")
    pairs = tags(Site(dev, Workspace(), None), component="training", model="review_sentiment")
    assert {pair["Key"]: pair["Value"] for pair in pairs} == dev.tags("training", "review_sentiment")
