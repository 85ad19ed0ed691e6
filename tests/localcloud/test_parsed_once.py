"""Sessions share what one of them has read while the cloud starts, and no longer."""

from botocore.session import Session

from infra.localcloud.parsed_once import parsed_once


def model() -> object:
    return Session().get_service_data("ssm")


def test_sessions_share_what_one_has_read_for_as_long_as_the_context_is_open() -> None:
    before = model()
    with parsed_once():
        inside = model()
        assert model() is inside
    assert inside is not before
    assert model() is not inside
    assert inside == before
