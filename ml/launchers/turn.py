"""Whether it is an attempt's turn: a job that was submitted late must not work beside the one that took its place."""

import json

from ml.errors import InputError
from ml.launchers.assignment import Assignment
from ml.s3_folder import S3Folder


def check(assignment: Assignment) -> None:
    """Raise when the run has given this attempt up; a job that is no attempt of a longer run always has its turn."""
    if assignment.state is None:
        return
    folder, _, name = assignment.state.rpartition("/")
    newest = json.loads(S3Folder(folder).read(name))["attempts"][-1]
    if newest["number"] != assignment.attempt or newest["outcome"]:
        raise InputError(
            f"job {assignment.job!r}",
            f"attempt {assignment.attempt}",
            f"was given up before it began: {assignment.state} is at attempt {newest['number']}",
            "let it end; the run goes on without it",
        )
