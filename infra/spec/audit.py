"""The words for what is recorded and watched, so that nobody can act unseen."""

from typing import ClassVar

from pydantic import Field

from infra.spec.base import Spec


class AuditSpec(Spec):
    """A record of every call to AWS, and AWS's own watchers.

    An account has one of each watcher in a region. Where the company's security account runs them already, or another
    environment shares the account, turn them off here: two owners of one thing undo each other.
    """

    title: ClassVar[str] = "audit"

    object_events: bool = Field(
        default=True, description="True: also record each read and write of the data buckets, billed by the event"
    )
    keep_days: int = Field(
        default=400, ge=90, le=3650, description="90 to 3650 days in which nobody can delete a record"
    )
    guard_duty: bool = Field(default=True, description="True: GuardDuty looks for intruders in each region")
    config: bool = Field(default=True, description="True: AWS Config keeps the history of settings and checks rules")
    access_analyzer: bool = Field(default=True, description="True: Access Analyzer tells what outsiders may reach")
    macie: bool = Field(default=True, description="True: Macie looks for personal data in buckets")
