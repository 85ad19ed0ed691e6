"""Lets infra be imported before the toolkit, whatever a test file imports first."""

import infra  # noqa: F401
