"""The `groundplan` command: registers its words and turns errors into one clear text and an exit status."""

import sys

import typer

from ci.commands.cloud import cloud
from ci.commands.dashboard import dashboard
from ci.commands.demo import demo
from ci.commands.doctor import doctor
from ci.commands.drill import drill
from ci.commands.look import events, inventory, logs, status
from ci.commands.models import optimize, predict, release, train
from ci.commands.money import cost, prices, resume, tags
from ci.commands.platform import bootstrap, deploy, destroy, plan, rehearse, synth
from ci.commands.policy import policy
from ci.commands.runs import runs
from ci.commands.tune import tune

app = typer.Typer(
    help="Machine learning at scale on AWS, or on the AWS that runs on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(cloud, name="cloud")
app.add_typer(drill, name="drill")
app.add_typer(prices, name="prices")
app.add_typer(runs, name="runs")
COMMANDS = (
    *(doctor, bootstrap, synth, plan, policy, deploy, destroy, rehearse),
    *(train, tune, optimize, release, predict),
    *(cost, tags, resume, logs, status, events, inventory, dashboard, demo),
)
for command in COMMANDS:
    app.command()(command)

# What typer makes of Ctrl-C, and a shell of SIGINT.
STOPPED = 130


def main() -> None:
    """Run the command. Exit 0: done; 1: the work failed; 2: the request cannot be met; 130: stopped by Ctrl-C."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command with `arguments` and return its exit status."""
    from ci.failures import explained

    try:
        app(arguments, prog_name="groundplan", standalone_mode=True)
    except SystemExit as ended:
        if ended.code == STOPPED:
            print("Stopped. What was under way is saved; run the command again to go on.", file=sys.stderr)
        return ended.code if isinstance(ended.code, int) else 1
    except Exception as error:
        failure = explained(error)
        if failure is None:
            raise
        print(failure.text, file=sys.stderr)
        return failure.exit_code
    return 0


if __name__ == "__main__":
    main()
