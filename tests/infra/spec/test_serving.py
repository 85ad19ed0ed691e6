"""Three ways to host a model, each with the fields that AWS has for it."""

import pytest

from infra.spec import Async, EndpointSpec, RealTime, ScheduleSpec, Serverless, SpecError


def message(build: object) -> str:
    with pytest.raises(SpecError) as caught:
        build()  # type: ignore[operator]
    return str(caught.value)


def test_an_endpoint_costs_nothing_when_idle_unless_it_says_otherwise() -> None:
    endpoint = EndpointSpec(name="reviews", model="m")
    assert endpoint.kind == "serverless"
    assert Serverless().provisioned_concurrency == Async().min_instances == 0
    assert RealTime().capture_percent == 0


@pytest.mark.parametrize(("hosting", "kind"), [(RealTime(), "real-time"), (Async(), "async")])
def test_the_kind_is_that_of_its_hosting(hosting: RealTime | Async, kind: str) -> None:
    assert EndpointSpec(name="reviews", model="m", hosting=hosting).kind == kind


def test_what_is_no_hosting_is_said_once() -> None:
    said = message(lambda: EndpointSpec(name="reviews", model="m", hosting="async"))  # type: ignore[arg-type]
    assert said == "endpoint 'reviews': hosting='async' is no hosting; give Serverless(…), RealTime(…) or Async(…)"


def test_a_field_of_another_kind_is_refused_with_those_of_this_one() -> None:
    said = message(lambda: Serverless(instance_type="ml.m5.large"))  # type: ignore[call-arg]
    assert said.startswith("serverless hosting: instance_type='ml.m5.large' is no field of it; it has memory_mb, ")
    said = message(lambda: Async(capture_percent=10))  # type: ignore[call-arg]
    assert said.startswith("async hosting: capture_percent=10 is no field of it; it has instance_type, ")


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Serverless(memory_mb=1500), "memory_mb=1500 is no multiple of 1024; give 1024 to 6144"),
        (
            lambda: Serverless(provisioned_concurrency=9),
            "provisioned_concurrency=9 is above max_concurrency=5; raise max_concurrency or lower",
        ),
        (lambda: RealTime(min_instances=0), "min_instances=0 is below 1; give 1 to 100"),
        (lambda: RealTime(min_instances=3), "min_instances=3 is above max_instances=2; raise max_instances or lower"),
        (lambda: RealTime(capture_percent=101), "capture_percent=101 is above 100"),
        (lambda: RealTime(instance_type="ml.m5.lagre"), "is no known SageMaker type; did you mean 'ml.m5.large'"),
        (lambda: Async(min_instances=2), "async hosting: min_instances=2 is above max_instances=1"),
        (lambda: Async(backlog_per_instance=0), "backlog_per_instance=0 is below 1"),
        (
            lambda: ScheduleSpec(name="day", at="every morning", min_instances=1, max_instances=2),
            "schedule 'day': at='every morning' is not of the form",
        ),
        (
            lambda: ScheduleSpec(name="day", at="rate(1 day)", min_instances=3, max_instances=2),
            "schedule 'day': min_instances=3 is above max_instances=2",
        ),
    ],
)
def test_what_aws_would_refuse_is_refused_here(build: object, said: str) -> None:
    assert said in message(build)


def test_schedules_have_names_of_their_own() -> None:
    day = ScheduleSpec(name="day", at="rate(1 day)", min_instances=1, max_instances=2)
    said = message(lambda: RealTime(schedules=(day, day)))
    assert said == "real-time hosting: schedules: 'day' is there 2 times; give each a name of its own"


@pytest.mark.parametrize(
    ("instance_type", "encrypts"),
    [("ml.m5.large", False), ("ml.c6i.xlarge", False), ("ml.g5.xlarge", True), ("ml.g4dn.xlarge", True)],
)
def test_types_with_local_disks_take_no_key(instance_type: str, encrypts: bool) -> None:
    assert RealTime(instance_type=instance_type).encrypts_its_own_disks is encrypts
