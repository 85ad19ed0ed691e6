"""What the doctor makes of AWS's refusals and of answers that say little: each brought about once, by played ones."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import CredentialRetrievalError

import environments
from ci import doctor
from ci.doctor import Diagnosis, diagnose
from ci.errors import NoAnswerError
from ci.finding import Finding
from ci.offering_check import check_offerings
from ci.quota_check import check_quotas
from ci.role_check import ISSUER, check_roles
from ci.site import Site
from ci.site_check import check_identity, check_state, check_zones
from ci.workflow_identity import AUDIENCE
from ci.workspace import Workspace
from infra.naming import Names
from infra.spec import AwsAccount, Environment, GithubSpec, GitlabSpec, PreviewSpec
from tests.ci.conftest import REPOSITORY
from tests.ci.played_aws import DENIED, HOME, Answer, played, site_of

DEV = environments.load("dev").model_copy(update={"github": GithubSpec(repository="acme/models"), "gitlab": None})
ROLE = f"arn:aws:iam::{DEV.account_id}:role/deployer"
ZONES = {"AvailabilityZones": [{"ZoneName": f"{HOME}{letter}"} for letter in "abc"]}
WHO = {"Account": DEV.account_id, "Arn": "arn:aws:iam::1:user/ann"}
SILENT = NoAnswerError(thing="it", value="silence", rule="within 1 s", fix="look at the network")
MAY = "let these credentials "
READ_ONLY = f"{MAY}read what there is: attach AWS's policy ReadOnlyAccess"
REGION = DEV.regions[0]
Check = Callable[[Site], list[Finding]]


def one(findings: list[Finding], check: str) -> Finding:
    (found,) = (finding for finding in findings if finding.check == check)
    return found


@pytest.mark.parametrize(
    ("check", "service", "answers", "name", "state", "fix"),
    [
        (check_identity, "sts", {"GetCallerIdentity": WHO}, "clock", "warn", "look at a proxy between"),
        (
            lambda site: check_zones(site, REGION),
            "ec2",
            {"DescribeAvailabilityZones": "AuthFailure"},
            f"zones {HOME}",
            "fail",
            f"switch the region on for the account: aws account enable-region --region-name {HOME}",
        ),
        (
            lambda site: check_zones(site, REGION),
            "ec2",
            {"DescribeAvailabilityZones": "UnauthorizedOperation"},
            f"zones {HOME}",
            "fail",
            f"{MAY}call ec2:DescribeAvailabilityZones: a deploy asks for them too",
        ),
        (
            lambda site: check_offerings(site, REGION),
            "ec2",
            {"DescribeAvailabilityZones": ZONES, "DescribeInstanceTypeOfferings": "UnauthorizedOperation"},
            f"types {HOME}",
            "warn",
            f"{MAY}call ec2:DescribeInstanceTypeOfferings and ec2:DescribeAvailabilityZones",
        ),
        (
            check_roles,
            "iam",
            {"GetOpenIDConnectProvider": DENIED},
            "workflows",
            "warn",
            f"{MAY}call iam:GetOpenIDConnectProvider and iam:GetRole",
        ),
        (
            check_state,
            "s3",
            {"GetBucketVersioning": "NoSuchBucket"},
            "state",
            "fail",
            "make it once, with an administrator's credentials: groundplan bootstrap dev",
        ),
        (
            check_state,
            "s3",
            {"GetBucketVersioning": "AccessDenied"},
            "state",
            "fail",
            f"{MAY}call s3:GetBucketVersioning on it; where the bucket is another account's, give state.bucket a name "
            "of its own in environments/dev.py, then: groundplan bootstrap dev",
        ),
    ],
)
def test_a_refusal_has_the_fix_that_ends_it(
    check: Check, service: str, answers: Mapping[str, Answer], name: str, state: str, fix: str
) -> None:
    found = one(check(site_of(DEV, **{service: answers})), name)
    assert (found.state, found.fix) == (state, fix)
    (refused,) = [operation for operation, answer in answers.items() if isinstance(answer, str)] or ["bore no date"]
    assert refused in found.told


def test_types_that_the_region_has_nowhere_want_another() -> None:
    none = {"DescribeAvailabilityZones": ZONES, "DescribeInstanceTypeOfferings": {"InstanceTypeOfferings": []}}
    found = check_offerings(site_of(DEV, ec2=none), REGION)
    assert {finding.fix for finding in found} == {"choose another size or region"}
    assert "fail" in {finding.state for finding in found}


QUOTAS: Mapping[str, Answer] = {
    "GetServiceQuota": {"Quota": {"Value": 1000.0}},
    "GetAWSDefaultServiceQuota": {"Quota": {"Value": 1000.0}},
    "ListAWSDefaultServiceQuotas": {"Quotas": []},
}


@pytest.mark.parametrize(
    ("quotas", "use", "told", "fix"),
    [
        (
            {"GetServiceQuota": DENIED},
            {},
            "GetServiceQuota was refused",
            f"{MAY}call servicequotas:GetServiceQuota and :ListAWSDefaultServiceQuotas",
        ),
        ({}, DENIED, "what is in use of vpc's quotas is not known", READ_ONLY),
        ({}, SILENT, "could not ask what is in use of vpc's quotas: silence within 1 s", SILENT.fix),
    ],
)
def test_quotas_that_are_not_told(
    quotas: Mapping[str, Answer], use: Answer, told: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = played_quotas(QUOTAS | quotas, use, monkeypatch)
    findings = [finding for finding in check_quotas(site, REGION) if finding.check == f"quotas {HOME}"]
    (found,) = [finding for finding in findings if told in finding.told]
    assert (found.state, found.fix) == ("warn", fix)
    # Whoever does not answer for what is in use leaves the quotas themselves told.
    assert any(finding.quota for finding in check_quotas(site, REGION)) == (not quotas)


def test_a_quota_that_has_no_name_here(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = dict.fromkeys(("GetServiceQuota", "GetAWSDefaultServiceQuota"), "NoSuchResourceException")
    found = check_quotas(played_quotas(QUOTAS | unknown, {}, monkeypatch), REGION)[0]
    assert (found.state, found.fix) == ("warn", "look for it in the Service Quotas console")
    assert "AWS names no such quota here; " in found.told
    assert found.quota
    assert found.quota.have is None


def played_quotas(quotas: Mapping[str, Answer], use: Answer, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site where every look at what is in use of a VPC's things ends as `use` does, and nothing else is in use."""
    services = {"ec2": {"DescribeVpcs": use or {"Vpcs": []}}, "service_quotas": quotas}
    site = site_of(DEV, **services)
    needs = tuple(need for need in REGION.all_quota_needs if need.name == "VPCs per Region")
    assert needs
    monkeypatch.setattr(type(REGION), "all_quota_needs", needs)
    return site


def test_a_provider_that_is_said_to_exist_and_a_preview_s_role_that_does_not() -> None:
    existing = DEV.github.model_copy(update={"provider": "existing"})  # type: ignore[union-attr]
    planned = DEV.model_copy(update={"github": existing, "preview": PreviewSpec()})
    nothing = dict.fromkeys(("GetOpenIDConnectProvider", "GetRole"), "NoSuchEntity")
    provider, *_, preview = check_roles(site_of(planned, iam=nothing))
    assert (provider.state, provider.told) == ("fail", f"the account does not trust {ISSUER}")
    assert provider.fix == "write provider='made' in the environment's GithubSpec, then: groundplan bootstrap dev"
    role = Names.of(planned, planned.state.region).role("preview")
    assert (preview.state, preview.told) == ("warn", f"there is no role {role} to preview with")
    assert str(preview.fix).endswith("groundplan bootstrap dev")


GITLAB = GitlabSpec(project="acme/ml/models", host="git.acme.test")
ON_GITLAB = DEV.model_copy(update={"github": None, "gitlab": GITLAB})
PIPELINES = Names.of(ON_GITLAB, ON_GITLAB.state.region).role("pipelines")
BRANCHES = "project_path:acme/ml/models:ref_type:branch:ref:*"


def trusting(subject: str, host: str = GITLAB.host) -> dict[str, Any]:
    """A role as IAM tells it, its document quoted."""
    arn = f"arn:aws:iam::{DEV.account_id}:oidc-provider/{host}"
    document = {"Statement": [{"Principal": {"Federated": arn}, "Condition": {"StringLike": {f"{host}:sub": subject}}}]}
    whole = {"Path": "/", "RoleName": PIPELINES, "RoleId": "x" * 16, "Arn": ROLE, "CreateDate": 0}
    return {"Role": whole | {"AssumeRolePolicyDocument": quote(json.dumps(document))}}


@pytest.mark.parametrize(
    ("clients", "role", "told"),
    [
        (None, None, [f"the account does not trust {GITLAB.host}", f"there is no role {PIPELINES} to plan with"]),
        (["another"], trusting(BRANCHES), [f"{GITLAB.host} may not speak for {AUDIENCE}"]),
        ([AUDIENCE], trusting(BRANCHES.replace("ml", "hr")), [f"the role {PIPELINES} does not trust {BRANCHES}"]),
        ([AUDIENCE], trusting(BRANCHES, "gitlab.com"), [f"the role {PIPELINES} does not trust {GITLAB.host}"]),
        ([AUDIENCE], trusting(BRANCHES), []),
    ],
)
def test_pipelines_of_gitlab_that_cannot_sign_in(
    clients: list[str] | None, role: dict[str, Any] | None, told: list[str]
) -> None:
    provider: Answer = {"ClientIDList": clients} if clients else "NoSuchEntity"
    found = check_roles(
        site_of(ON_GITLAB, iam={"GetOpenIDConnectProvider": provider, "GetRole": role or "NoSuchEntity"})
    )
    assert [finding.told for finding in found if finding.state == "fail"] == told
    assert len(found) == 2
    assert all(finding.fix for finding in found if finding.state == "fail")


@pytest.mark.parametrize(
    ("answer", "told", "fix"),
    [
        (
            DENIED,
            "AssumeRole was refused",
            f"sign in as somebody whom the trust policy of {ROLE} names, and who may call sts:AssumeRole on it",
        ),
        (SILENT, "could not ask about who we are: it: silence within 1 s", SILENT.fix),
    ],
)
def test_a_role_of_the_environment_that_cannot_be_taken(
    answer: Answer, told: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it nothing else can be asked: it alone is told."""
    behind_a_role = DEV.model_copy(update={"target": AwsAccount(role_arn=ROLE)})
    found = diagnosed(behind_a_role, {"sts": {"AssumeRole": answer}}, monkeypatch).findings
    assert [(finding.check, finding.state, finding.fix) for finding in found] == [("credentials", "fail", fix)]
    assert told in found[0].told


def test_credentials_that_end_on_the_way_are_told_where_they_were_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = CredentialRetrievalError(provider="sso", error_msg="expired")
    services = {"sts": {"GetCallerIdentity": WHO}, "iam": {"GetOpenIDConnectProvider": gone}}
    found = one(list(diagnosed(DEV, services, monkeypatch).findings), "workflows")
    assert found.told == f"could not ask about the roles of workflows: {gone}"
    assert (found.state, found.fix) == ("warn", "look at the credentials and at this machine's settings of AWS")


def diagnosed(
    environment: Environment, services: Mapping[str, Mapping[str, Answer]], monkeypatch: pytest.MonkeyPatch
) -> Diagnosis:
    """What the doctor says of an environment whose AWS answers so; what `services` leave out is closed to us."""

    class Closed(dict[str, Answer]):
        def __missing__(self, operation: str) -> Answer:
            return DENIED

    def client(self: Site, service: str, region: str, session: object = None) -> Any:
        # As the original does: a role is taken with the first client.
        assert session or self._session
        return played(service, Closed(services.get(service, {})), region=region)

    monkeypatch.setattr(Site, "_new_client", client)
    monkeypatch.setattr(doctor, "check_machine", lambda _: ())
    monkeypatch.setattr(doctor, "check_ownership", lambda _: ())
    return diagnose(environment, Workspace(root=REPOSITORY))
