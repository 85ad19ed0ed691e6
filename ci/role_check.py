"""Whether an environment's workflows can sign in: the account trusts GitHub, and its roles those workflows alone."""

import json
from typing import Any

from ci.finding import Finding, State
from ci.site import Site
from ci.workflow_identity import AUDIENCE
from infra.naming import Names
from infra.spec import GithubSpec
from infra.spec.github import Takers

ISSUER = "token.actions.githubusercontent.com"


def check_roles(site: Site) -> list[Finding]:
    """Look at what `groundplan bootstrap` made for workflows."""
    from botocore.exceptions import ClientError

    try:
        return [finding for github in site.environment.repositories for finding in _check(site, github)]
    except ClientError as error:
        fix = "let these credentials call iam:GetOpenIDConnectProvider and iam:GetRole"
        return [Finding(check="workflows", state="warn", told=str(error), fix=fix)]


def _check(site: Site, github: GithubSpec) -> list[Finding]:
    iam = site.client("iam")
    names = Names.of(site.environment, site.environment.state.region)
    provider = _clients(iam, f"arn:aws:iam::{site.environment.account_id}:oidc-provider/{ISSUER}")
    takers = dict(github.takers(site.name))
    if not site.environment.preview:
        del takers["preview"]
    trusts = {purpose: _trust(iam, names.role(purpose)) for purpose in takers}
    if site.endpoint_url and provider is None and not any(trusts.values()):
        return [Finding(check="workflows", state="ok", told="none signs in to an embedded cloud")]
    make = f"make them once, with an administrator's credentials: groundplan bootstrap {site.name}"
    return [
        _provider(provider, github, make),
        *(_role(purpose, names.role(purpose), trusts[purpose], takers[purpose], make) for purpose in takers),
    ]


def _provider(clients: list[str] | None, github: GithubSpec, make: str) -> Finding:
    if clients and AUDIENCE in clients:
        return Finding(check="workflows", state="ok", told=f"the account trusts {ISSUER}")
    told = f"the account does not trust {ISSUER}" if clients is None else f"{ISSUER} may not speak for {AUDIENCE}"
    if clients is not None:
        arn = f"$(aws iam list-open-id-connect-providers --output text | grep -o 'arn:.*{ISSUER}')"
        fix = f"aws iam add-client-id-to-open-id-connect-provider --client-id {AUDIENCE} "
        fix += f"--open-id-connect-provider-arn {arn}"
    elif github.provider == "existing":
        fix = "write provider='made' in the environment's GithubSpec, then run its bootstrap again"
    else:
        fix = make
    return Finding(check="workflows", state="fail", told=told, fix=fix)


def _role(purpose: str, name: str, trust: str | None, takers: Takers, make: str) -> Finding:
    """A role that was made for another repository refuses ours, and one of an earlier bootstrap may ask no branch."""
    # What ends things by the clock, and previews, stop no deploy.
    state: State = "fail" if purpose in ("plan", "deploy") else "warn"
    if trust is None:
        return Finding(check="workflows", state=state, told=f"there is no role {name} to {purpose} with", fix=make)
    again = make.replace("make them once", "mend it")
    for subject in takers.subjects:
        if f'"{subject}"' not in trust:
            return Finding(check="workflows", state=state, told=f"the role {name} does not trust {subject}", fix=again)
    if takers.ref and f'"{ISSUER}:ref"' not in trust:
        told = f"the role {name} may be taken from any branch, by a workflow that was changed there"
        return Finding(check="workflows", state="warn", told=told, fix=again)
    told = f"{' and '.join(takers.subjects)} may take {name}" + (f" from {takers.ref}" if takers.ref else "")
    return Finding(check="workflows", state="ok", told=told)


def _clients(iam: Any, arn: str) -> list[str] | None:
    try:
        found: list[str] = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"]
    except iam.exceptions.NoSuchEntityException:
        return None
    return found


def _trust(iam: Any, role: str) -> str | None:
    try:
        document = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    except iam.exceptions.NoSuchEntityException:
        return None
    return json.dumps(document)
