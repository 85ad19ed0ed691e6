"""The words for access, alerts and audit refuse what AWS would refuse later, and say how to mend it."""

import pytest

from infra.spec import AccessSpec, AlertsSpec, AuditSpec, IdentityCenter, Principals, Saml
from infra.spec.alerts import protocol
from tests.infra.spec.test_words import environment, message


@pytest.mark.parametrize(
    ("receiver", "kind"),
    [
        ("ann@example.com", "email"),
        ("https://events.example.com/key", "https"),
        ("+4915112345678", "sms"),
        ("arn:aws:sqs:us-east-1:123456789012:alerts", "sqs"),
        ("arn:aws:lambda:us-east-1:123456789012:function:alerts", "lambda"),
    ],
)
def test_a_receiver_is_reached_as_its_address_looks(receiver: str, kind: str) -> None:
    assert protocol(receiver) == kind


@pytest.mark.parametrize("receiver", ["ann", "http://plain.example.com", "+12", "a b@example.com", ""])
def test_an_address_that_sns_cannot_reach_is_refused(receiver: str) -> None:
    said = message(lambda: AlertsSpec(page=("ann@example.com", receiver)))
    assert said.startswith("alerts: page=('ann@example.com', ")
    assert "holds an address that SNS cannot reach; give addresses such as 'ann@example.com'" in said


def test_silence_is_nobodys_choice() -> None:
    """Whoever is named for less hears the more urgent too, and at last those who pay."""
    mails = ("payer@example.com",)
    nobody, some = AlertsSpec(), AlertsSpec(ticket=("desk@example.com",))
    assert nobody.receivers("page", mails) == nobody.receivers("info", mails) == mails
    assert some.receivers("page", mails) == some.receivers("ticket", mails) == ("desk@example.com",)
    assert some.receivers("info", mails) == mails
    assert AlertsSpec(page=("on-call@example.com",)).receivers("ticket", mails) == mails


@pytest.mark.parametrize(("field", "value"), [("keep_days", 89), ("keep_days", 3651), ("macie", "yes")])
def test_audit(field: str, value: object) -> None:
    assert f"audit: {field}={value!r} is" in message(lambda: AuditSpec(**{field: value}))  # type: ignore[arg-type]


def test_audit_is_on_unless_somebody_says_none() -> None:
    assert environment().audit == AuditSpec()
    assert environment(audit=None).audit is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("sign_in", "saml"), ("session_hours", 13), ("engineers_release", 1)],
)
def test_access(field: str, value: object) -> None:
    assert f"access: {field}={value!r} is" in message(lambda: AccessSpec(**{field: value}))  # type: ignore[arg-type]


def test_ways_to_sign_in() -> None:
    assert "arns=('ann',)" in message(lambda: Principals(arns=("ann",)))
    assert "provider_arn='company'" in message(lambda: Saml(provider_arn="company"))
    sets = {"data_scientist": "A", "ml_engineer": "B", "operator": "C"}
    assert "auditor has no value" in message(lambda: IdentityCenter(**sets))  # type: ignore[arg-type]
    center = IdentityCenter(**sets, auditor="D")
    assert (center.permission_set("operator"), center.permission_set("ci")) == ("C", None)
