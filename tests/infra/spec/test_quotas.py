"""What words ask of AWS's service quotas: the right code, in the right unit, added up."""

import re

import environments
from infra.spec import (
    Async,
    ClusterSpec,
    EdgeFleetSpec,
    EndpointSpec,
    GpuPoolSpec,
    NetworkSpec,
    RealTime,
    Serverless,
    Spec,
    TrainingSpec,
)
from infra.spec.quotas import QuotaNeed, machines, total

LIKE = ("g5.xlarge", "g4dn.xlarge", "g6.xlarge", "g6e.xlarge")


def needs(word: Spec) -> dict[str, tuple[int, int, int]]:
    """The code or name of each quota → the most, what the deploy takes, and the smallest part of use."""
    return {need.quota_code or need.name: (need.amount, need.at_deploy, need.unit) for need in word.quota_needs}


def test_a_pool_counts_vcpus_by_market() -> None:
    pool = GpuPoolSpec(name="small", instance_types=LIKE, min_nodes=1, max_nodes=8, max_on_demand_nodes=2)
    assert needs(pool) == {"L-3819A6DF": (32, 4, 4), "L-DB2E81BA": (8, 0, 4)}


def test_a_multi_node_pool_is_of_no_use_with_less_than_one_job() -> None:
    pool = GpuPoolSpec(
        name="large", instance_types=("p5.48xlarge",), purchase="on-demand", nodes=2, max_nodes=4, max_on_demand_nodes=0
    )
    assert needs(pool) == {"L-417A185B": (768, 0, 384)}


def test_spot_of_the_newer_p_family_has_a_quota_of_its_own() -> None:
    codes = {kind: machines((kind,), "spot", most=1)[0].quota_code for kind in ("p4d.24xlarge", "p5.48xlarge")}
    assert codes == {"p4d.24xlarge": "L-7212CCBC", "p5.48xlarge": "L-C4BD4855"}
    assert machines(("m5.large",), "on-demand", most=3)[0].quota_code == "L-1216C47A"


def test_a_job_and_a_hosted_model_count_machines() -> None:
    assert needs(TrainingSpec(instance_type="ml.g4dn.xlarge", spot=False)) == {"L-3F53BF0F": (1, 0, 1)}
    assert needs(TrainingSpec(instance_type="ml.g5.2xlarge")) == {
        "ml.g5.2xlarge for spot training job usage": (1, 0, 1)
    }
    assert needs(RealTime(instance_type="ml.g5.xlarge", min_instances=2, max_instances=6)) == {"L-1928E07B": (6, 2, 1)}
    assert needs(Async(max_instances=3)) == {"L-614B09FD": (3, 0, 1)}


def test_places_of_serverless_endpoints_are_taken_by_the_deploy() -> None:
    assert needs(Serverless(max_concurrency=20)) == {"L-96300102": (20, 20, 0)}


def test_a_network_takes_addresses_for_its_ways_out_and_none_without() -> None:
    codes = needs(NetworkSpec(cidr="10.0.0.0/16", nat="per-zone", zones=3))
    assert codes["L-0263D0A3"] == (3, 3, 0)
    assert codes["L-FE5A380F"] == (1, 1, 0)
    assert "L-0263D0A3" not in needs(NetworkSpec(cidr="10.0.0.0/16", nat="none"))


def test_a_fleet_takes_rules_an_alias_a_template_and_a_stream_however_many_devices_it_has() -> None:
    fleet = EdgeFleetSpec(name="kiosks", model="review_sentiment")
    taken = {"L-954FA751": 5, "L-8AF17D80": 1, "L-345B62A1": 1, "L-14BB0BE7": 1}
    assert needs(fleet) == {code: (count, count, 0) for code, count in taken.items()}


def test_needs_of_one_quota_add_up() -> None:
    one = QuotaNeed(service_code="ec2", quota_code="L-1", name="x", amount=4, at_deploy=1, unit=2)
    (both,) = total((one, one))
    assert (both.amount, both.at_deploy, both.unit, both.least) == (8, 2, 2, 2)


def test_a_region_knows_what_all_its_words_need() -> None:
    prod = {need.name: need for need in environments.load("prod").regions[0].all_quota_needs}
    assert prod["All G and VT Spot Instance Requests"].amount > 192
    assert all(
        re.fullmatch(r"L-[0-9A-F]{8}", need.quota_code) or need.service_code == "sagemaker" for need in prod.values()
    )


def test_every_word_that_names_machines_knows_their_quota() -> None:
    """A new word with instance types needs a `quota_needs` of its own."""

    def below(kind: type[Spec]) -> list[type[Spec]]:
        return [kind, *(inner for sub in kind.__subclasses__() for inner in below(sub))]

    def names_machines(kind: type[Spec]) -> bool:
        return any(re.search(r"(instance|head|worker)_types?$", field) for field in kind.model_fields)

    naming = [kind for kind in below(Spec) if kind.__module__.startswith("infra.") and names_machines(kind)]
    assert {GpuPoolSpec, TrainingSpec, RealTime, Async} <= set(naming)
    silent = [kind.__name__ for kind in naming if kind.quota_needs is Spec.quota_needs]
    assert not silent, f"give {silent} a property quota_needs: infra/spec/quotas.py"
    assert EndpointSpec(name="e", model="m").hosting.quota_needs


def test_a_cluster_needs_its_head_at_once_and_workers_of_both_markets() -> None:
    kinds = ("g5.xlarge", "g4dn.xlarge", "g6.xlarge", "g6e.xlarge")
    cluster = ClusterSpec(
        name="c", head_type="m7i.large", worker_types=kinds, max_workers=10, on_demand_workers=2, on_demand_percent=25
    )
    assert needs(cluster) == {"L-1216C47A": (2, 2, 2), "L-DB2E81BA": (16, 0, 4), "L-3819A6DF": (24, 0, 4)}
