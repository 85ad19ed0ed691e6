"""What spot machines cost on this cloud: a share of what they cost on demand, as infra/prices.csv assumes it."""

from datetime import UTC, datetime

from infra.localcloud.operations import Context, Payload, after
from infra.prices import prices


@after("ec2", "DescribeSpotPriceHistory")
def tell_price(params: Payload, answer: Payload, context: Context) -> Payload:
    """moto has the zones, and one price for everything. A machine without a price is on no spot market here."""
    table, now = prices(), datetime.now(UTC)
    share = table["spot-factor", "us-east-1"].usd
    told = [
        {
            **entry,
            "SpotPrice": f"{share * price.usd:.6f}",
            "ProductDescription": "Linux/UNIX",
            "Timestamp": now,
        }
        for entry in answer["SpotPriceHistory"]
        if (price := table.get((entry["InstanceType"], context.region)))
    ]
    return {**answer, "SpotPriceHistory": told}
