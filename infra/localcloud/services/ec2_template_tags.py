"""Tags of a launch template that change: moto tells those it was made with for ever."""

from typing import Any

from moto.ec2.models.launch_templates import LaunchTemplate


def _now(template: Any) -> Any:
    return template.get_tags()


def _when_made(_template: Any, _tags: Any) -> None:
    """They are kept with all other tags."""


LaunchTemplate.tags = property(_now, _when_made)
