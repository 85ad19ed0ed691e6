"""Turns what went wrong into the text and the exit status that a user gets, without a traceback."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """What to print on standard error, and how to exit."""

    text: str
    exit_code: int


def explained(error: Exception) -> Failure | None:
    """Return how to tell the user of `error`, or None when it is a defect of ours and deserves its traceback."""
    from ci.errors import CommandError, WorkError
    from infra.spec.errors import GroundplanError
    from ml.errors import MlError

    if isinstance(error, WorkError):
        return Failure("\n".join((str(error), *(f"  {line}" for line in error.details))), error.exit_code)
    if isinstance(error, CommandError):
        return Failure(str(error), error.exit_code)
    if isinstance(error, GroundplanError | MlError):
        return Failure(str(error), 2)
    return _of_aws(error)


def _of_aws(error: Exception) -> Failure | None:
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError

    if isinstance(error, ClientError):
        told = error.response["Error"]
        return Failure(f"AWS refused {error.operation_name}: {told['Code']}: {told['Message']}", 1)
    if isinstance(error, EndpointConnectionError):
        return Failure(f"{error}; check the network, or start the embedded cloud: groundplan cloud start", 2)
    if isinstance(error, NoCredentialsError):
        return Failure("AWS credentials: none are at hand; sign in first, for example with: aws sso login", 2)
    return Failure(f"AWS: {error}", 1) if isinstance(error, BotoCoreError) else None
