"""The environment of the cloud's own process: the laptop's, without its AWS settings."""

import os

FOREIGN_PREFIXES = ("AWS_", "MOTO_", "TEST_SERVER_MODE", "S3_IGNORE", "PYTHONWARNINGS")


def child_environment() -> dict[str, str]:
    """A copy without what would leak in: a missing AWS profile breaks botocore, MOTO_ switches change moto."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_PREFIXES)}
