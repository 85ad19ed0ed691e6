"""What Terraform creates here it reads back unchanged and deletes without a trace."""

import pytest

from infra.localcloud import CloudRecord
from tests.localcloud.terraform import MODULES, Terraform

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("localcloud")]


@pytest.mark.parametrize("name", sorted(path.name.removesuffix(".tf.json") for path in MODULES.iterdir()))
def test_a_module_is_applied_read_back_and_destroyed(name: str, cloud: CloudRecord, terraform: Terraform) -> None:
    module = terraform.module(name, cloud)
    applied = module.apply()
    try:
        assert applied.code == 0, applied.text
        planned = module.plan()
        assert planned.code == 0, planned.text
    finally:
        destroyed = module.destroy()
    assert destroyed.code == 0, destroyed.text
