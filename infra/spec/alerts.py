"""The words for who is told, by how much it hurts."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from infra.spec.base import Spec

Severity = Literal["page", "ticket", "info"]
SEVERITIES: tuple[Severity, ...] = ("page", "ticket", "info")

_FORMS = "'ann@example.com', 'https://…', '+4915112345678', or the ARN of an SQS queue or a Lambda function"


def protocol(receiver: str) -> str:
    """Return how SNS reaches a receiver, by the form of its address; raise ValueError for none that it knows."""
    if receiver.startswith("https://"):
        return "https"
    for service in ("sqs", "lambda"):
        if receiver.startswith(f"arn:aws:{service}:"):
            return service
    if receiver.startswith("+") and receiver[1:].isdigit() and 8 <= len(receiver) <= 16:
        return "sms"
    name, at, domain = receiver.partition("@")
    if name and at and domain and not any(letter.isspace() for letter in receiver):
        return "email"
    raise ValueError("holds an address that SNS cannot reach")


def _reachable(receivers: tuple[str, ...]) -> tuple[str, ...]:
    for receiver in receivers:
        protocol(receiver)
    return receivers


Receivers = Annotated[tuple[str, ...], AfterValidator(_reachable)]


class AlertsSpec(Spec):
    """Who hears of what. Where nobody is named for a severity, those of the next lower one are told, at last by mail.

    page: users feel it now, wake somebody. ticket: mend it in working hours. info: nothing to do, good to know.
    """

    title: ClassVar[str] = "alerts"

    page: Receivers = Field(default=(), description=f"addresses such as {_FORMS}")
    ticket: Receivers = Field(default=(), description=f"addresses such as {_FORMS}")
    info: Receivers = Field(default=(), description=f"addresses such as {_FORMS}")

    def receivers(self, severity: Severity, otherwise: tuple[str, ...]) -> tuple[str, ...]:
        """Return who is told at `severity`; `otherwise` are told where nobody is named at all."""
        chosen = {"page": self.page or self.ticket or self.info, "ticket": self.ticket or self.info, "info": self.info}
        return chosen[severity] or otherwise
