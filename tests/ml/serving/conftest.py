"""Servers of a light model."""

from collections.abc import Iterator

import pytest

from tests.ml.serving.processes import Light, Server, serving


@pytest.fixture(scope="module")
def light_server(light: Light, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    base, environment = light
    with serving(base, log=tmp_path_factory.mktemp("said") / "log", **environment) as server:
        yield server
