"""workflow, environments, roles, sign-in, comment: workflows here, where they work, how they tell of it."""

from pathlib import Path
from typing import Annotated

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, workspace

Token = Annotated[
    str | None, typer.Option("--token", envvar="GITHUB_TOKEN", show_envvar=True, help="The workflow's own token.")
]
Repository = Annotated[str, typer.Option("--repository", envvar="GITHUB_REPOSITORY", help="OWNER/NAME on GitHub.")]
Api = Annotated[str, typer.Option("--api", envvar="GITHUB_API_URL", help="GitHub's API, or that of a server.")]
Output = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Add NAME=VALUE lines, for a workflow's later steps.")
]


NOBODYS = """## Nothing to do yet

None of the environments that this is for has an account of its owner's yet, so there was nothing to work on. "Make it
yours" in the README says what to change; `groundplan doctor dev` names each field.
"""


def list_environments(
    owned: Annotated[bool, typer.Option("--owned", help="Only those whose account is not the blueprint's.")] = False,
    previews: Annotated[
        bool, typer.Option("--previews", envvar="PREVIEWS", help="Only those that pull requests try things in.")
    ] = False,
    only: Annotated[str, typer.Option(metavar="NAME", help="At most this one, which must have a file.")] = "",
    output: Output = None,
    summary: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Say there what to do if there are none.")
    ] = None,
    rehearsed: Annotated[str, typer.Option(envvar="GROUNDPLAN_REHEARSED", hidden=True)] = "",
    json: AsJson = False,
) -> None:
    """List the environments; a workflow works on each of them, and need not know their names.

    Example: groundplan environments --owned
    """
    from json import dumps

    from ci import console
    from ci.changes.markdown import write
    from ci.ownership_check import Listed, listed

    # A rehearsal has one, on this machine.
    found = Listed(environments=(rehearsed,)) if rehearsed else listed(owned=owned, previews=previews, only=only)
    write(output, f"environments={dumps(found.environments)}\n", add=True)
    if not found.environments:
        write(summary, NOBODYS, add=True)
    console.show(found, json, "\n".join(found.environments) or NOBODYS)


def roles(
    environment: EnvironmentName,
    output: Output = None,
    # What GitHub gives to the steps of a job that has `id-token: write`.
    tokens: Annotated[str, typer.Option(envvar="ACTIONS_ID_TOKEN_REQUEST_URL", hidden=True)] = "",
    asker: Annotated[str, typer.Option(envvar="ACTIONS_ID_TOKEN_REQUEST_TOKEN", hidden=True)] = "",
    json: AsJson = False,
) -> None:
    """Print the roles that workflows take in an environment's account, as its bootstrap made them.

    In a workflow it also looks whether they were made for that repository, and tells what to write if not.

    Example: groundplan roles dev
    """
    import environments
    from ci import console
    from ci.bootstrap import workflow_roles
    from ci.changes.markdown import write
    from ci.workflow_identity import check_claims, issued_claims

    found = environments.load(environment)
    if tokens and (claims := issued_claims(tokens, asker)):
        check_claims(found, claims)
    result = workflow_roles(found)
    lines = [f"{name}={value}" for name, value in result.model_dump(exclude_none=True).items()]
    write(output, "".join(f"{line}\n" for line in lines), add=True)
    console.show(result, json, "\n".join(lines))


def sign_in(
    environment: EnvironmentName,
    config: Annotated[
        Path, typer.Option(envvar="AWS_CONFIG_FILE", metavar="FILE", help="Where AWS's libraries will look.")
    ],
    token: Annotated[
        str, typer.Option(envvar="AWS_TOKEN", show_envvar=True, help="The job's own, by `id_tokens`.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Let a GitLab pipeline take the role that plans an environment, as its bootstrap made it.

    Example: groundplan sign-in dev --config .groundplan/aws/config
    """
    import environments
    from ci import console
    from ci.sign_in import sign_in as write_sign_in

    result = write_sign_in(environments.load(environment), token, config)
    console.show(result, json, f"{result.config}: {result.role}")


def comment(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Markdown; those that are not there are named.")],
    about: Annotated[str, typer.Option(metavar="TEXT", help="What it tells of: a later one takes its place.")],
    pull_request: Annotated[int, typer.Option(envvar="PULL_REQUEST", help="The number of the pull request.")],
    repository: Repository = "",
    api: Api = "https://api.github.com",
    token: Token = None,
    json: AsJson = False,
) -> None:
    """Write files as the one comment about something on a pull request, anew or in the place of the last.

    What is longer than a comment may be is shortened file by file, so that each of them is there.

    Example: groundplan comment cost.md plan.md --about "plan of dev" --pull-request 7
    """
    from ci import console
    from ci.changes.markdown import MOST_OF_A_COMMENT
    from ci.changes.shortened import fitted
    from ci.github import GitHub

    parts = [
        file.read_text() if file.exists() else f"> [!WARNING]\n> `{file}` was not written: see the log of the job.\n"
        for file in files
    ]
    body = "\n".join(fitted(parts, MOST_OF_A_COMMENT - len(parts)))
    told = GitHub(api, repository, token or "").comment(pull_request, about, body)
    console.show(told, json, told.url)


workflow = typer.Typer(no_args_is_help=True, help="Rehearse the workflows of .github/workflows on this machine.")


@workflow.callback()
def group() -> None:
    """Rehearse the workflows of .github/workflows on this machine."""


@workflow.command(short_help="Run what a workflow's steps run, here")
def run(
    name: Annotated[str, typer.Argument(metavar="WORKFLOW", help="A file in .github/workflows, such as `plan`.")],
    environment: Annotated[str, typer.Option("--env", metavar="ENVIRONMENT", help="On the embedded cloud.")] = "local",
    base: Annotated[str, typer.Option(metavar="REVISION", help="What a pull request would be merged into.")] = "HEAD",
    event: Annotated[
        str, typer.Option(metavar="NAME[.ACTION]", help="One of its events, such as `pull_request.closed`.")
    ] = "",
    label: Annotated[list[str] | None, typer.Option(help="A label of the pull request; may be repeated.")] = None,
    input: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="What a person would enter, or an event tells; may be repeated."),
    ] = None,
    fork: Annotated[bool, typer.Option("--fork", help="The pull request comes from a fork.")] = False,
    json: AsJson = False,
    home: Home = None,
) -> None:
    """Run a workflow as GitHub would, against the embedded cloud; comments and issues end as files.

    What a person would approve is approved, and what others wrote is left out.

    Example: groundplan workflow run preview --label preview --event pull_request.closed
    """
    import environments
    from ci import console
    from ci.revision import Revision
    from ci.workflow.runner import rehearse_workflow
    from ci.workflow.stage import Event

    place = workspace(home)
    entered = dict(one.partition("=")[::2] for one in input or ())
    commit = Revision.of(base, place).commit
    started = Event(base=commit, name=event, labels=tuple(label or ()), inputs=entered, fork=fork)
    found = environments.load(environment)
    result = rehearse_workflow(name, found, place, event=started, progress=console.terminal_progress())
    rows = [(step.state, step.job, step.step, f"{step.seconds:.1f} s" if step.seconds else "") for step in result.steps]
    told = [str(file) for file in result.told]
    console.show(result, json, console.stacked(console.table("", "job", "step", "time>", rows=rows), *told))
    if result.failed:
        raise typer.Exit(1)
