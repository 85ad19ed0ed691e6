"""What SageMaker does around a training job, done by the job itself where nobody else does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ml.contract import MODEL_ARCHIVE, Container
from ml.launchers.assignment import Assignment
from ml.release import archive
from ml.s3_folder import S3Folder

OUTPUT_ARCHIVE = "output.tar.gz"


@contextmanager
def delivered(container: Container, assignment: Assignment) -> Iterator[Container]:
    """Fetch the job's channels, say where its checkpoints are kept, and bring its results to S3 in the end."""
    container = replace(container, job_name=assignment.job, checkpoint_copies=assignment.checkpoints)
    for folder in (container.configuration, container.checkpoints, container.model, container.output_data):
        folder.mkdir(parents=True, exist_ok=True)
    (container.configuration / "hyperparameters.json").write_text(json.dumps(assignment.hyperparameters))
    for channel, uri in assignment.channels.items():
        S3Folder(uri).download_all(container.channel(channel))
    yield container
    output = S3Folder(assignment.output)
    for folder, name in ((container.output_data, OUTPUT_ARCHIVE), (container.model, MODEL_ARCHIVE)):
        if files := _files(folder):
            archive.pack(files, container.base / name)
            output.upload(container.base / name, name)


def _files(folder: Path) -> dict[str, Path]:
    """The model lies on the machine of the first process alone."""
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
