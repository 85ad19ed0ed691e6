"""What spot machines cost at this moment."""

from datetime import UTC, datetime

from ci.site import Site
from infra.spec.instance_types import instance_types


def spot(site: Site, region: str) -> dict[str, float]:
    """Return USD an hour by EC2 type, that of the dearest zone; types that no zone sells now are left out."""
    now = datetime.now(UTC)
    pages = (
        site.client("ec2", region)
        .get_paginator("describe_spot_price_history")
        .paginate(
            InstanceTypes=sorted(instance_types()), ProductDescriptions=["Linux/UNIX"], StartTime=now, EndTime=now
        )
    )
    found: dict[str, float] = {}
    for one in (entry for page in pages for entry in page["SpotPriceHistory"]):
        name, usd = one["InstanceType"], float(one["SpotPrice"])
        found[name] = max(usd, found.get(name, 0.0))
    return found
