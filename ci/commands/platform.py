"""synth, bootstrap, deploy, destroy, rehearse: an environment as a whole."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ci.commands.options import AsJson, EnvironmentName, Home, Mirror, listed, site, workspace

if TYPE_CHECKING:
    from ci.undeclared import UndeclaredStack


def synth(environment: EnvironmentName, json: AsJson = False, home: Home = None) -> None:
    """Write an environment's Terraform JSON and tell where it is.

    Example: groundplan synth dev
    """
    import environments
    from ci import console
    from ci.synthesis import SynthResult, synthesize

    found = environments.load(environment)
    stacks = synthesize(found, workspace(home))
    result = SynthResult.of(found, stacks)
    rows = [(stack, count, result.folders[stack]) for stack, count in result.resources.items()]
    console.show(result, json, console.table("stack", "resources>", "folder", rows=rows))


def bootstrap(
    environment: EnvironmentName,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take it down instead; only where nothing is guarded and no state is left.")
    ] = False,
    json: AsJson = False,
    mirror: Mirror = None,
    home: Home = None,
) -> None:
    """Make what an environment stands on: the bucket of its state, and the roles of its workflows.

    Run it once, with credentials that may make roles, and again whenever that part of its file changes.

    Example: groundplan bootstrap dev
    """
    from rich.text import Text

    from ci import console
    from ci.bootstrap import bootstrap as make
    from ci.bootstrap import remove as take_down

    act = take_down if remove else make
    result = act(site(environment, home, mirror), progress=console.terminal_progress())
    text = f"{result.environment}: {result.resources} resources, {result.changed} changed, {result.seconds:.1f} s; "
    text += f"state bucket {result.state_bucket}" + "".join(f"\n{role}: {arn}" for role, arn in result.roles.items())
    if result.on_github:
        told = "GitHub asks for approvals once its environments say so; an administrator of the repository runs:"
        text = "\n".join((text, "", told, *result.on_github))
    # Brackets of a command are no colours.
    console.show(result, json, Text(text))


def deploy(
    environment: EnvironmentName,
    plan: Annotated[
        str | None, typer.Option(metavar="HASH", help="Do just what a saved plan says, if it still holds.")
    ] = None,
    destroys_data: Annotated[
        str, typer.Option(metavar="STACK:ADDRESS,…", help="With --plan: what may go with all that it holds.")
    ] = "",
    json: AsJson = False,
    mirror: Mirror = None,
    home: Home = None,
) -> None:
    """Bring an environment to what its file says, all stacks in order and side by side where that is possible.

    Example: groundplan deploy local
    """
    from ci import console
    from ci.deploy import deploy as deploy_environment

    if destroys_data and plan is None:
        raise typer.BadParameter(
            "it says yes to what a saved plan loses; give --plan too", param_hint="--destroys-data"
        )
    reached, progress = site(environment, home, mirror), console.terminal_progress()
    result = deploy_environment(reached, plan=plan, may_lose=listed(destroys_data), progress=progress)
    text = f"{result.environment}: {result.resources} resources in {len(result.stacks)} stacks, "
    text += f"{result.told}, {result.seconds:.1f} s"
    console.show(result, json, console.stacked(text, *_stray(result.environment, result.undeclared)))


def destroy(
    environment: EnvironmentName,
    undeclared: Annotated[
        str, typer.Option(metavar="STACK,…", help="Only these, which no code declares any more, as `plan` names them.")
    ] = "",
    destroys_data: Annotated[
        str, typer.Option(metavar="STACK:ADDRESS,…", help="With --undeclared: what may go with all that it holds.")
    ] = "",
    json: AsJson = False,
    mirror: Mirror = None,
    home: Home = None,
) -> None:
    """Remove an environment with all that was released to it, and list what is left.

    Example: groundplan destroy local
    """
    from ci import console
    from ci.destroy import destroy as destroy_environment
    from ci.destroy import destroy_undeclared

    if destroys_data and not undeclared:
        raise typer.BadParameter(
            "it says yes to what goes with undeclared stacks; give --undeclared too", param_hint="--destroys-data"
        )
    reached, progress = site(environment, home, mirror), console.terminal_progress()
    if undeclared:
        may_lose = listed(destroys_data)
        result = destroy_undeclared(reached, listed(undeclared), may_lose=may_lose, progress=progress)
    else:
        result = destroy_environment(reached, progress=progress)
    text = f"{result.environment}: {result.resources} resources removed in {result.seconds:.1f} s, "
    text += f"{len(result.orphans)} left"
    text += "".join(f"\n  {orphan.service} {orphan.type} {orphan.id}" for orphan in result.orphans)
    console.show(result, json, console.stacked(text, *_stray(result.environment, result.undeclared)))
    if result.orphans or result.undeclared:
        raise typer.Exit(1)


def _stray(environment: str, found: "tuple[UndeclaredStack, ...]") -> list[str]:
    from ci.undeclared import told

    return [f"[yellow]{told(environment, found)}[/]"] if found else []


def rehearse(
    environment: EnvironmentName,
    bootstrap: Annotated[
        bool, typer.Option("--bootstrap", help="Also what it stands on: its state's bucket, its workflows' roles.")
    ] = False,
    json: AsJson = False,
    mirror: Mirror = None,
    home: Home = None,
) -> None:
    """Deploy any environment to a throw-away cloud on this machine, plan again, destroy, and look for what is left.

    Example: groundplan rehearse prod
    """
    import environments
    from ci import console
    from ci.rehearse import rehearse as rehearse_environment

    found, place = environments.load(environment), workspace(home, mirror)
    result = rehearse_environment(found, place, ground=bootstrap, progress=console.terminal_progress())
    rows = [
        (
            stack.stack,
            stack.resources,
            f"{stack.apply_seconds:.1f}",
            f"{len(stack.planned_again)} changes" if stack.planned_again else "empty",
            f"{stack.destroy_seconds:.1f}",
        )
        for stack in result.stacks
    ]
    again = sum(len(stack.planned_again) for stack in result.stacks)
    totals = (f"{result.deploy_seconds:.1f}", f"{again} changes" if again else "empty", f"{result.destroy_seconds:.1f}")
    rows.append(("all", result.resources, *totals))
    drawn = console.table("stack", "resources>", "apply s>", "second plan", "destroy s>", rows=rows)
    console.show(result, json, drawn)
    for fault in result.faults:
        print(fault, file=sys.stderr)
    if result.faults:
        raise typer.Exit(1)
