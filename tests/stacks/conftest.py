"""All environments, synthesized once in this process."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import app
import environments

Synthesized = Mapping[str, Mapping[str, Any]]


def read(outdir: Path) -> dict[str, dict[str, Any]]:
    """Return the Terraform JSON of each stack by its id."""
    return {file.parent.name: json.loads(file.read_text()) for file in sorted(outdir.glob("stacks/*/cdk.tf.json"))}


@pytest.fixture(scope="session")
def outdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cdktf.out")
    app.synthesize(environments.names(), folder)
    return folder


@pytest.fixture(scope="session")
def stacks(outdir: Path) -> Synthesized:
    return read(outdir)


@pytest.fixture(scope="session")
def all_stacks(stacks: Synthesized, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The platforms, and what each stands on."""
    folder = tmp_path_factory.mktemp("bootstrap.out")
    app.write([environments.load(name) for name in environments.names()], folder, bootstrap=True)
    return {**stacks, **read(folder)}
