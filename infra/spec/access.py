"""The words for people's and pipelines' access: how they sign in, and what they may do then."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from infra.spec.base import Spec

RoleName = Literal["data-scientist", "ml-engineer", "operator", "auditor", "ci"]


class AccountUsers(Spec):
    """Whoever the account's own IAM lets take a role, signed in with a second factor."""

    title: ClassVar[str] = "sign-in of the account's users"


class Principals(Spec):
    """Users and roles by their ARN, of this account or another, signed in with a second factor."""

    title: ClassVar[str] = "sign-in of principals"

    arns: tuple[Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(user|role)/.+$")], ...] = Field(
        min_length=1, description="ARNs of IAM users or roles: ('arn:aws:iam::111111111111:role/people',)"
    )


class Saml(Spec):
    """A company directory that is registered in IAM; it decides who gets which role."""

    title: ClassVar[str] = "sign-in by SAML"

    provider_arn: str = Field(
        pattern=r"^arn:aws[a-z-]*:iam::\d{12}:saml-provider/.+$",
        description="'arn:aws:iam::111111111111:saml-provider/company'",
    )


class IdentityCenter(Spec):
    """IAM Identity Center: holders of a permission set named here may take the role beside it."""

    title: ClassVar[str] = "sign-in by IAM Identity Center"

    data_scientist: str = Field(pattern=r"^[\w+=,.@-]{1,32}$", description="the name of a permission set")
    ml_engineer: str = Field(pattern=r"^[\w+=,.@-]{1,32}$", description="the name of a permission set")
    operator: str = Field(pattern=r"^[\w+=,.@-]{1,32}$", description="the name of a permission set")
    auditor: str = Field(pattern=r"^[\w+=,.@-]{1,32}$", description="the name of a permission set")

    def permission_set(self, role: RoleName) -> str | None:
        """Return whose holders may take `role`; people do not take the pipelines' role."""
        return {
            "data-scientist": self.data_scientist,
            "ml-engineer": self.ml_engineer,
            "operator": self.operator,
            "auditor": self.auditor,
            "ci": None,
        }[role]


SignIn = AccountUsers | Principals | Saml | IdentityCenter


def _one_sign_in(value: object) -> object:
    """Refuse all else in one sentence, where pydantic would try each kind and complain of all."""
    if not isinstance(value, SignIn):
        raise ValueError("is no sign-in")
    return value


class AccessSpec(Spec):
    """Roles for data scientists, ML engineers, operators, auditors and CI; docs/access.md says who may what."""

    title: ClassVar[str] = "access"

    sign_in: Annotated[SignIn, BeforeValidator(_one_sign_in)] = Field(
        default=AccountUsers(), description="AccountUsers(), Principals(…), Saml(…) or IdentityCenter(…)"
    )
    engineers_release: bool = Field(
        default=False, description="True: ML engineers release models themselves; False: CI alone does"
    )
    session_hours: int = Field(default=4, ge=1, le=12, description="1 to 12 hours until one signs in again")
