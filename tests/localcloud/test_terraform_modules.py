"""What Terraform creates here it reads back unchanged and deletes without a trace."""

import pytest

from infra.localcloud import CloudRecord
from tests.localcloud.conftest import inventory
from tests.localcloud.terraform import MODULES, Terraform

pytestmark = pytest.mark.terraform

SLOW = {"lifecycle"}
"""The provider watches a lifecycle configuration for 55 s before it believes it."""

NAMES = [
    pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
    for name in sorted(path.name.removesuffix(".tf.json") for path in MODULES.iterdir())
]


@pytest.mark.parametrize("name", NAMES)
def test_a_module_is_applied_read_back_and_destroyed(name: str, cloud: CloudRecord, terraform: Terraform) -> None:
    before = inventory(cloud)
    module = terraform.module(name, cloud)
    applied = module.apply()
    try:
        assert applied.code == 0, applied.text
        planned = module.plan()
        assert planned.code == 0, planned.text
    finally:
        destroyed = module.destroy()
    assert destroyed.code == 0, destroyed.text
    assert inventory(cloud) == before
