"""What a job is to do, where no platform lays its files into /opt/ml: the addresses of all that it reads and leaves."""

import json
from dataclasses import asdict, dataclass, fields

from ml.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A job's name, its hyperparameters, and S3 folders: a channel's files, the run's checkpoints, the results.

    Of an attempt of a longer run also the address of that run's state, and the attempt's number there.
    """

    job: str
    hyperparameters: dict[str, str]
    channels: dict[str, str]
    checkpoints: str
    output: str
    state: str | None = None
    attempt: int | None = None

    def written(self) -> str:
        """Return it as the text that `read` takes."""
        return json.dumps(asdict(self))


def read(text: str) -> Assignment:
    """Read what a launcher handed over."""
    try:
        given = json.loads(text)
        return Assignment(**given)
    except (ValueError, TypeError) as error:
        names = ", ".join(field.name for field in fields(Assignment))
        raise InputError("assignment", f"{text:.80}", f"cannot be read ({error})", f"give {names}, as JSON") from error
