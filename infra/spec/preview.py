"""The words for previews: environments that pull requests get for themselves, for a while."""

from typing import ClassVar

from pydantic import Field

from infra.spec.base import Spec


class PreviewSpec(Spec):
    """What a pull request may try: a copy of this environment's first region, which is destroyed when it is closed."""

    title: ClassVar[str] = "preview"

    ttl_hours: int = Field(
        default=24, ge=1, le=24 * 14, description="hours after its last deploy when a preview is destroyed, 1 to 336"
    )
    monthly_usd: int = Field(default=100, ge=1, description="whole US dollars, 1 or more: training stops there")
    # All previews have the same, for nothing joins them.
    cidr: str = Field(default="10.250.0.0/16", description="a block such as '10.250.0.0/16'")
