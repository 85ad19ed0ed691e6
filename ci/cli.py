"""The `groundplan` command: registers its words and turns errors into one clear text and an exit status."""

import signal
import sys

import typer

from ci.commands.audit import audit
from ci.commands.burst import burst
from ci.commands.changes import diff, drift, plan
from ci.commands.cloud import cloud
from ci.commands.cost import cost
from ci.commands.dashboard import dashboard
from ci.commands.data import data
from ci.commands.demo import demo
from ci.commands.doctor import doctor
from ci.commands.drill import drill
from ci.commands.images import images
from ci.commands.look import events, inventory, logs, status
from ci.commands.models import optimize, predict, train
from ci.commands.money import prices, resume, tags
from ci.commands.pipeline import pipeline
from ci.commands.platform import bootstrap, deploy, destroy, rehearse, synth
from ci.commands.policy import policy
from ci.commands.previews import previews
from ci.commands.release import release
from ci.commands.runs import runs
from ci.commands.tune import tune
from ci.commands.versions import models
from ci.commands.workflows import comment, list_environments, roles, sign_in, workflow

app = typer.Typer(
    help="Machine learning at scale on AWS, or on the AWS that runs on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(audit, name="audit", short_help="Show and verify who changed which model")
app.add_typer(burst, name="burst", short_help="Train on machines made for one run")
app.add_typer(cloud, name="cloud", short_help="Start, stop and reach the embedded AWS")
app.add_typer(data, name="data", short_help="Make the data sets that models are trained on")
app.add_typer(drill, name="drill", short_help="Rehearse what goes wrong on the cloud")
app.add_typer(images, name="images", short_help="Try, build and examine the images")
app.add_typer(models, name="models", short_help="List versions of models, approve or reject them")
app.add_typer(prices, name="prices", short_help="Renew the prices that estimates use")
app.add_typer(release, name="release", short_help="Put a model into service by steps; send it on or back")
app.add_typer(runs, name="runs", short_help="List, show, compare and reproduce training runs")
app.add_typer(workflow, name="workflow", short_help="Rehearse the workflows on this machine")
# Each with its line in the list of commands, which has room for 58 letters.
COMMANDS = (
    (doctor, "Find what would stop a deploy, and how to mend it"),
    (bootstrap, "Make the bucket of the state, and the workflows' roles"),
    (synth, "Write an environment's Terraform JSON"),
    (plan, "Show what a deploy would change"),
    (drift, "Show what was changed by other ways than a deploy"),
    (diff, "Show what two environments differ in"),
    (policy, "Review an environment with checkov and rules for IAM"),
    (deploy, "Bring an environment to what its file says"),
    (destroy, "Remove an environment, and list what is left"),
    (previews, "List what pull requests have, and end it in time"),
    (rehearse, "Deploy, plan and destroy on a throw-away cloud here"),
    (train, "Train a model on the platform"),
    (tune, "Search for the recipe that trains best"),
    (optimize, "Turn a trained model into the one that is served"),
    (pipeline, "Let SageMaker train, optimize, evaluate and register"),
    (predict, "Ask an endpoint about texts"),
    (cost, "Show what an environment cost, or will cost"),
    (tags, "Count what carries the tags that split the bill"),
    (resume, "Let training go on after a spent budget stopped it"),
    (logs, "Print what a job or an endpoint logged"),
    (status, "Show stacks, endpoints, clusters and the last jobs"),
    (events, "Show reclaims, their warnings, and states of Batch jobs"),
    (inventory, "List everything that exists in an environment's AWS"),
    (roles, "Print the roles that workflows take"),
    (sign_in, "Let a GitLab pipeline take its role"),
    (comment, "Tell a pull request what was found"),
    (dashboard, "Write an environment's dashboard for Grafana"),
    (demo, "See all of it work on this machine, in about five minutes"),
)
# Its function has another name, for the package `environments` has this one.
app.command("environments", short_help="List environments, for whoever works on each")(list_environments)
for command, line in COMMANDS:
    app.command(short_help=line)(command)

# After these there is nothing half-made: a plan is kept only once it is whole.
CHANGE_NOTHING = {
    "plan",
    "drift",
    "diff",
    "policy",
    "cost",
    "tags",
    "logs",
    "status",
    "events",
    "inventory",
    "doctor",
    "audit",
}
# What typer makes of Ctrl-C, and a shell of SIGINT.
STOPPED = 130


def main() -> None:
    """Run the command. Exit 0: done; 1: the work failed; 2: it cannot be met; 130: stopped (Ctrl-C, SIGTERM)."""
    # A cancelled workflow is told so by SIGTERM: what is under way is saved then as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command with `arguments` and return its exit status."""
    from ci.failures import explained

    try:
        app(arguments, prog_name="groundplan", standalone_mode=True)
    except SystemExit as ended:
        if ended.code == STOPPED:
            print(_stopped(arguments), file=sys.stderr)
        return ended.code if isinstance(ended.code, int) else 1
    except Exception as error:
        failure = explained(error)
        if failure is None:
            raise
        print(failure.text, file=sys.stderr)
        return failure.exit_code
    return 0


def _stopped(arguments: list[str]) -> str:
    """Say what is there after a stop: an error has said it where less is true."""
    if arguments[:2] == ["burst", "run"]:
        return "Stopped. Nothing of the burst is left but what its training had saved; the command makes a new one."
    if not CHANGE_NOTHING.isdisjoint(arguments[:1]):
        return "Stopped; nothing was changed."
    return "Stopped. What was under way is saved; run the command again to go on."


if __name__ == "__main__":
    main()
