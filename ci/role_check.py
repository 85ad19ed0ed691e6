"""Whether an environment's workflows can sign in: the account trusts their issuer, and its roles those alone."""

import json
from collections.abc import Iterator
from typing import Any

from ci.finding import Finding, State
from ci.site import Site
from ci.workflow_identity import AUDIENCE
from infra.naming import Names
from infra.spec import GithubSpec, GitlabSpec
from infra.spec.github import Takers

ISSUER = "token.actions.githubusercontent.com"


def check_roles(site: Site) -> list[Finding]:
    """Look at what `groundplan bootstrap` made for workflows, GitHub's and GitLab's."""
    from botocore.exceptions import ClientError

    try:
        return list(_found(site))
    except ClientError as error:
        fix = "let these credentials call iam:GetOpenIDConnectProvider and iam:GetRole"
        return [Finding(check="workflows", state="warn", told=str(error), fix=fix)]


def _found(site: Site) -> Iterator[Finding]:
    for github in site.environment.repositories:
        yield from _github(site, github)
    for gitlab in site.environment.gitlab_projects:
        yield from _gitlab(site, gitlab)


def _github(site: Site, github: GithubSpec) -> list[Finding]:
    names, provider = _names(site), _clients(site, ISSUER)
    takers = dict(github.takers(site.name))
    if not site.environment.preview:
        del takers["preview"]
    trusts = {purpose: _trust(site, names.role(purpose)) for purpose in takers}
    if site.endpoint_url and provider is None and not any(trusts.values()):
        return [_nobody()]
    return [
        _provider(site, github, ISSUER, provider),
        *(_role(purpose, names.role(purpose), trusts[purpose], takers[purpose], _make(site)) for purpose in takers),
    ]


def _gitlab(site: Site, gitlab: GitlabSpec) -> list[Finding]:
    name, provider = _names(site).role("pipelines"), _clients(site, gitlab.host)
    trust = _trust(site, name)
    if site.endpoint_url and provider is None and trust is None:
        return [_nobody()]
    # Whichever branch, of this project alone (stacks/bootstrap.py).
    takers = Takers((f"project_path:{gitlab.project}:ref_type:branch:ref:*",))
    return [
        _provider(site, gitlab, gitlab.host, provider),
        _role("plan", name, trust, takers, _make(site), issuer=gitlab.host),
    ]


def _names(site: Site) -> Names:
    return Names.of(site.environment, site.environment.state.region)


def _make(site: Site) -> str:
    return f"make them once, with an administrator's credentials: groundplan bootstrap {site.name}"


def _nobody() -> Finding:
    return Finding(check="workflows", state="ok", told="none signs in to an embedded cloud")


def _provider(site: Site, who: GithubSpec | GitlabSpec, issuer: str, clients: list[str] | None) -> Finding:
    if clients and AUDIENCE in clients:
        return Finding(check="workflows", state="ok", told=f"the account trusts {issuer}")
    told = f"the account does not trust {issuer}" if clients is None else f"{issuer} may not speak for {AUDIENCE}"
    if clients is not None:
        fix = f"aws iam add-client-id-to-open-id-connect-provider --client-id {AUDIENCE} "
        fix += f"--open-id-connect-provider-arn {_arn(site, issuer)}"
    elif who.provider == "existing":
        word = type(who).__name__
        fix = f"write provider='made' in the environment's {word}, then: groundplan bootstrap {site.name}"
    else:
        fix = _make(site)
    return Finding(check="workflows", state="fail", told=told, fix=fix)


def _role(purpose: str, name: str, trust: str | None, takers: Takers, make: str, *, issuer: str = ISSUER) -> Finding:
    """A role that was made for another repository refuses ours, and one of an earlier bootstrap may ask no branch."""
    # What ends things by the clock, and previews, stop no deploy.
    state: State = "fail" if purpose in ("plan", "deploy") else "warn"
    if trust is None:
        return Finding(check="workflows", state=state, told=f"there is no role {name} to {purpose} with", fix=make)
    again = make.replace("make them once", "mend it")
    for subject in takers.subjects:
        if f'"{subject}"' not in trust:
            return Finding(check="workflows", state=state, told=f"the role {name} does not trust {subject}", fix=again)
    if f'oidc-provider/{issuer}"' not in trust:
        return Finding(check="workflows", state=state, told=f"the role {name} does not trust {issuer}", fix=again)
    if takers.ref and f'"{issuer}:ref"' not in trust:
        told = f"the role {name} may be taken from any branch, by a workflow that was changed there"
        return Finding(check="workflows", state="warn", told=told, fix=again)
    told = f"{' and '.join(takers.subjects)} may take {name}" + (f" from {takers.ref}" if takers.ref else "")
    return Finding(check="workflows", state="ok", told=told)


def _arn(site: Site, issuer: str) -> str:
    return f"arn:aws:iam::{site.environment.account_id}:oidc-provider/{issuer}"


def _clients(site: Site, issuer: str) -> list[str] | None:
    iam: Any = site.client("iam")
    try:
        found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=_arn(site, issuer))
    except iam.exceptions.NoSuchEntityException:
        return None
    return list(found["ClientIDList"])


def _trust(site: Site, role: str) -> str | None:
    iam: Any = site.client("iam")
    try:
        document = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    except iam.exceptions.NoSuchEntityException:
        return None
    return json.dumps(document)
