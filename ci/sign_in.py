"""Lets a GitLab pipeline take its role: writes the file by which AWS's libraries sign in with the job's own token."""

import os
from pathlib import Path

from ci.errors import CommandError
from ci.result import Result
from infra.naming import Names
from infra.spec import Environment


class SignIn(Result):
    """What the commands after it sign in as, once AWS_CONFIG_FILE names `config`."""

    environment: str
    role: str
    config: Path


def sign_in(environment: Environment, token: str, config: Path) -> SignIn:
    """Write `config` and, beside it, the token that GitLab issued; nobody but this user reads that.

    Nothing is asked of AWS: whether it trusts the token, the first command that needs it will tell. Raises
    `CommandError` where there is no token, or the environment names no project.
    """
    if environment.gitlab is None:
        raise CommandError(
            thing=f"environment {environment.name!r}",
            value="gitlab=None",
            rule="names no project whose pipelines may sign in",
            fix="give it gitlab=GitlabSpec(project=…), then: groundplan bootstrap " + environment.name,
        )
    if token.count(".") != 2:
        fix = "give the job `id_tokens: AWS_TOKEN: aud: sts.amazonaws.com`; GitLab puts the token there"
        raise CommandError(thing="sign-in", value="AWS_TOKEN", rule="holds no token of GitLab's", fix=fix)
    names = Names.of(environment, environment.state.region)
    role = f"arn:aws:iam::{environment.account_id}:role/{names.role('pipelines')}"
    secret = config.absolute().with_name("token")
    secret.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(token)
    lines = ("[default]", f"role_arn = {role}", f"web_identity_token_file = {secret}", f"region = {names.region}")
    config.write_text("\n".join((*lines, "")))
    return SignIn(environment=environment.name, role=role, config=config)
