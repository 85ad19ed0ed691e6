"""What the payer account says of the bill: by which tags it is split, and into which categories."""

from collections.abc import Sequence

from cdktf import TerraformProvider
from cdktf_cdktf_provider_aws.ce_cost_allocation_tag import CeCostAllocationTag
from cdktf_cdktf_provider_aws.ce_cost_category import (
    CeCostCategory,
    CeCostCategoryRule,
    CeCostCategoryRuleInheritedValue,
)

from infra.toolkit import Construct

# A category takes its values from a tag; what bears none is shown as such, never lost.
CATEGORIES = {"Component": "component", "Cost centre": "cost_centre", "Model": "model"}
UNTAGGED = "untagged"


class CostAllocation(Construct):
    """Every tag key active, and a cost category for each question that a bill is asked. AWS has them once, for all.

    `payer` is the way into the payer account, or None where the stack is in it.
    """

    def __init__(
        self, scope: Construct, id: str, *, project: str, keys: Sequence[str], payer: TerraformProvider | None
    ) -> None:
        super().__init__(scope, id)
        tags = [CeCostAllocationTag(self, key, tag_key=key, status="Active", provider=payer) for key in keys]
        for name, key in CATEGORIES.items():
            inherited = CeCostCategoryRuleInheritedValue(dimension_name="TAG", dimension_key=key)
            CeCostCategory(
                self,
                f"by_{key}",
                name=f"{project} {name}",
                rule_version="CostCategoryExpression.v1",
                rule=[CeCostCategoryRule(type="INHERITED_VALUE", inherited_value=inherited)],
                default_value=UNTAGGED,
                provider=payer,
                depends_on=tags,
            )
