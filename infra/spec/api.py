"""The words for an API in front of a region's endpoints."""

from typing import ClassVar, Literal

from pydantic import Field

from infra.spec.base import Spec

ManagedRules = Literal[
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesAnonymousIpList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
]


class WebAclSpec(Spec):
    """What AWS WAF keeps away from an API, before anybody's signature is looked at."""

    title: ClassVar[str] = "web ACL"

    requests_per_five_minutes: int = Field(
        default=10_000, ge=10, le=2_000_000_000, description="10 or more from one address, which then waits"
    )
    managed_rules: tuple[ManagedRules, ...] = Field(
        default=(
            "AWSManagedRulesAmazonIpReputationList",
            "AWSManagedRulesCommonRuleSet",
            "AWSManagedRulesKnownBadInputsRuleSet",
        ),
        description="AWS's own rule groups, the first one asked first",
    )


class ApiSpec(Spec):
    """A REST API: `POST /ENDPOINT` for each serverless and real-time endpoint of the region, signed with IAM."""

    title: ClassVar[str] = "API"

    reach: Literal["private", "regional"] = Field(
        default="private", description="'private' (from the region's network alone) or 'regional' (from anywhere)"
    )
    requests_per_second: float = Field(default=100, gt=0, le=10_000, description="above 0 to 10000, of all callers")
    burst: int = Field(default=200, ge=1, le=5000, description="1 to 5000 requests at once")
    tracing: bool = Field(default=True, description="True: AWS X-Ray sees a sample of the requests")
    web_acl: WebAclSpec | None = Field(default=WebAclSpec(), description="WebAclSpec(…), or None for no AWS WAF")

    @property
    def web_acls(self) -> tuple[WebAclSpec, ...]:
        """The web ACL, if there is one."""
        return (self.web_acl,) if self.web_acl else ()
