"""A device may be itself and nobody else; a claim may become a device and nothing else."""

import json
import re
from fnmatch import fnmatchcase

import pytest

from infra.edge_names import EdgeNames
from infra.edge_policies import ITSELF, claim_policy, device_policy
from infra.naming import Names

EDGE = EdgeNames(Names("groundplan", "test", "us-east-1", "123456789012"), "kiosks")
ALIAS = EDGE.iot("rolealias/groundplan-test-kiosks")
ME, OTHER = "groundplan-test-kiosks-0007", "groundplan-test-kiosks-0008"


def allowed(policy: str, action: str, resource: str, *, me: str = ME, attached: bool = True) -> bool:
    """Decide as AWS IoT does: the thing's name in place of the variable, `*` and `?` match, default deny."""
    # What Terraform makes of two dollars, and AWS of one.
    text = policy.replace("$${", "${").replace("${iot:Connection.Thing.ThingName}", me)
    assert "${" not in text
    for statement in json.loads(text)["Statement"]:
        assert statement["Effect"] == "Allow"
        holds = "Condition" not in statement or attached
        matches = any(fnmatchcase(EDGE.iot(resource), pattern) for pattern in statement["Resource"])
        if holds and matches and action in statement["Action"]:
            return True
    return False


DEVICE = device_policy(EDGE, role_alias_arn=ALIAS)
OWN = [
    ("iot:Connect", "client/{}"),
    ("iot:Publish", "topic/dt/groundplan/test/kiosks/{}/telemetry"),
    ("iot:Publish", "topic/$aws/things/{}/jobs/start-next"),
    ("iot:Publish", "topic/$aws/things/{}/jobs/update-7/update"),
    ("iot:Subscribe", "topicfilter/$aws/things/{}/jobs/notify-next"),
    ("iot:Subscribe", "topicfilter/$aws/things/{}/jobs/+/update/accepted"),
    ("iot:Receive", "topic/$aws/things/{}/jobs/update-7/update/rejected"),
    ("iot:Publish", "topic/$aws/things/{}/shadow/name/model/update"),
    ("iot:Subscribe", "topicfilter/$aws/things/{}/shadow/name/model/update/delta"),
    ("iotjobsdata:StartNextPendingJobExecution", "thing/{}"),
    ("iotjobsdata:UpdateJobExecution", "thing/{}"),
    ("iot:UpdateThingShadow", "thing/{}/model"),
]


@pytest.mark.parametrize(("action", "resource"), OWN)
def test_a_device_speaks_and_hears_as_itself_only(action: str, resource: str) -> None:
    assert allowed(DEVICE, action, resource.format(ME))
    assert not allowed(DEVICE, action, resource.format(OTHER))
    assert not allowed(DEVICE, action, resource.format("*"))


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iot:Publish", f"topic/dt/groundplan/test/others/{ME}/telemetry"),
        ("iot:Publish", f"topic/$aws/things/{ME}/shadow/update"),
        ("iot:Publish", "topic/$aws/events/jobExecution/update-7/succeeded"),
        ("iot:Publish", "topic/$aws/certificates/create/json"),
        ("iot:Subscribe", "topicfilter/#"),
        ("iot:Subscribe", "topicfilter/dt/groundplan/test/kiosks/+/telemetry"),
        ("iot:Subscribe", "topicfilter/$aws/things/+/jobs/notify-next"),
        ("iot:DeleteThingShadow", f"thing/{ME}/model"),
        ("iot:UpdateThing", f"thing/{ME}"),
    ],
)
def test_a_device_may_nothing_else(action: str, resource: str) -> None:
    assert not allowed(DEVICE, action, resource)


def test_a_certificate_that_is_not_attached_to_its_thing_cannot_connect() -> None:
    assert not allowed(DEVICE, "iot:Connect", f"client/{ME}", attached=False)


def test_a_device_takes_the_alias_of_its_fleet() -> None:
    assert allowed(DEVICE, "iot:AssumeRoleWithCertificate", "rolealias/groundplan-test-kiosks")
    assert not allowed(DEVICE, "iot:AssumeRoleWithCertificate", "rolealias/groundplan-test-others")


def test_a_claim_makes_a_certificate_and_registers_with_one_template() -> None:
    claim = claim_policy(EDGE)
    assert allowed(claim, "iot:Connect", "client/groundplan-test-kiosks-claim-0007")
    assert not allowed(claim, "iot:Connect", f"client/{ME}")
    assert allowed(claim, "iot:Publish", "topic/$aws/certificates/create/json")
    register = "topic/$aws/provisioning-templates/{}/provision/json"
    assert allowed(claim, "iot:Publish", register.format("groundplan-test-kiosks"))
    assert allowed(claim, "iot:Receive", register.format("groundplan-test-kiosks") + "/accepted")
    assert not allowed(claim, "iot:Publish", register.format("groundplan-test-others"))
    assert not allowed(claim, "iot:Publish", "topic/$aws/certificates/create-from-csr/json")
    assert not allowed(claim, "iot:Publish", f"topic/$aws/things/{ME}/jobs/start-next")


LONGEST = EdgeNames(Names("g" * 14, "e" * 10, "ap-southeast-2", "123456789012"), "f" * 10)


@pytest.mark.parametrize("edge", [EDGE, LONGEST], ids=["usual", "longest"])
def test_policies_keep_to_awss_bounds(edge: EdgeNames) -> None:
    """2,048 characters without white space: AWS IoT Core's quota of a policy document."""
    device = device_policy(edge, role_alias_arn=edge.iot(f"rolealias/{edge.fleet_name}"))
    for policy in (device, claim_policy(edge)):
        sent = re.sub(r"\s", "", policy.replace("$${", "${"))
        assert len(sent) <= 2048
        assert not re.search(r'"(iot|iotjobsdata):\*"', policy)
        assert policy.count("${") == policy.count(ITSELF)
