"""Environments of as many regions as a measurement wants, each region like the next."""

from infra.spec import Environment

# Eight that every account has from its first day.
NAMES = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    *("eu-west-1", "eu-central-1", "ap-northeast-1", "ap-southeast-1"),
)


def with_regions(environment: Environment, count: int, **fields: object) -> Environment:
    """Return `environment` with its first region `count` times over, each with a network of its own."""
    first = environment.regions[0]
    regions = tuple(
        first.model_copy(
            update={"name": name, "network": first.network.model_copy(update={"cidr": f"10.{turn}.0.0/16"}), **fields}
        )
        for turn, name in enumerate(NAMES[:count])
    )
    return environment.model_copy(update={"regions": regions})
