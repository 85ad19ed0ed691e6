"""Every environment file loads, and a bad one says all that is wrong with it."""

from itertools import combinations
from pathlib import Path

import pytest

import environments
from infra.spec import AwsAccount, Environment, SpecError

BAD = """
from infra.spec import *
ENVIRONMENT = Environment(
    name="bad", account_id="1", owner="me", cost_centre="mine", target=EmbeddedCloud(),
    state=StateSpec(bucket="state", region="us-east-1"),
    regions=(
        RegionSpec(
            name="us-east-1", network=NetworkSpec(cidr="10.0.0.0/16"),
            gpu_pools=(GpuPoolSpec(name="big", instance_types=("g5.xlage",), min_nodes=3, max_nodes=2),),
        ),
    ),
    budget=BudgetSpec(monthly_usd=1, emails=("me@example.com",)),
)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environments, "__path__", [str(tmp_path)])
    return tmp_path


@pytest.mark.parametrize("name", environments.names())
def test_every_file_holds_the_environment_of_its_name(name: str) -> None:
    assert environments.load(name).name == name


def test_production_has_two_regions() -> None:
    assert len(environments.load("prod").regions) == 2


def test_real_accounts_are_guarded() -> None:
    loaded = [environments.load(name) for name in environments.names()]
    assert [e.name for e in loaded if isinstance(e.target, AwsAccount) and not e.guarded] == []


def test_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"environment: 'prd' has no file in environments/; did you mean 'prod'\?"):
        environments.load("prd")


def test_all_problems_of_a_file_at_once_and_again_until_it_is_mended(folder: Path) -> None:
    file = folder / "bad.py"
    file.write_text(BAD)
    for _ in range(2):
        with pytest.raises(SpecError) as caught:
            environments.load("bad")
        assert [problem.value for problem in caught.value.problems] == [
            "min_nodes=3",
            "instance type 'g5.xlage'",
            "account_id='1'",
        ]


def test_file_without_its_environment(folder: Path) -> None:
    (folder / "empty.py").write_text("ENVIRONMENT = None\n")
    with pytest.raises(SpecError, match=r"environments/empty.py: ENVIRONMENT is not the environment 'empty'"):
        environments.load("empty")


def test_environment_is_a_value() -> None:
    assert isinstance(environments.load("local"), Environment)
    assert environments.load("local") == environments.load("local")


def test_a_misspelt_model_is_said_with_all_other_mistakes_of_its_file(folder: Path) -> None:
    words = """
            endpoints=(EndpointSpec(name="x", model="review_sentimen"),),
            edge_fleets=(EdgeFleetSpec(name="y", model="nothing_like_it"),),
        ),"""
    (folder / "bad.py").write_text(BAD.replace("\n        ),", words))
    with pytest.raises(SpecError) as caught:
        environments.load("bad")
    *others, endpoint, fleet = map(str, caught.value.problems)
    assert len(others) == 3
    rule = "is no folder of ml/models"
    assert endpoint.startswith(f"endpoint 'x': model 'review_sentimen' {rule}; did you mean 'review_sentiment'")
    assert fleet.startswith(f"edge fleet 'y': model 'nothing_like_it' {rule}; there are review_sentiment, ")


@pytest.mark.parametrize("name", environments.names())
def test_every_endpoint_serves_a_model_that_there_is(name: str) -> None:
    folders = {card.parent.name for card in (Path(__file__).parents[2] / "ml" / "models").glob("*/card.py")}
    models = [model for region in environments.load(name).regions for model in region.models]
    assert [model for model in models if model not in folders] == []


def test_no_two_environments_have_one_network() -> None:
    """They may be joined one day, to a common service or to each other; a network that is in use cannot be moved."""
    networks = {
        f"{name} {region.name}": region.network.block
        for name in environments.names()
        for region in environments.load(name).regions
    }
    pairs = combinations(networks.items(), 2)
    assert not [(one, other) for (one, block), (other, block_too) in pairs if block.overlaps(block_too)]
