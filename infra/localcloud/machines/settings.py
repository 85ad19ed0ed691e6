"""How patient the machines are. Defaults are AWS's; a cloud's folder may hold a `settings.json` with other values."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, PositiveFloat, ValidationError

from infra.localcloud.record import CloudError


class Settings(BaseModel):
    """Read once, when the cloud starts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stop_grace_seconds: PositiveFloat = 120
    """From SIGTERM to SIGKILL when a training job is stopped or out of time."""
    reclaim_notice_seconds: PositiveFloat = 120
    """From the warning that a spot machine is taken away until it is gone."""
    checkpoint_seconds: PositiveFloat = 1
    """Between two looks at a training job's checkpoint folder."""
    server_start_seconds: PositiveFloat = 180
    """How long a model server may take until it answers /ping."""
    server_grace_seconds: PositiveFloat = 5
    """From SIGTERM to SIGKILL when a model server is stopped, after its last request was answered."""
    invocation_seconds: PositiveFloat = 60
    """How long a model server may take to answer a request."""
    serverless_idle_seconds: PositiveFloat = 300
    """How long a serverless endpoint stays warm without a request. AWS does not promise a figure."""
    budget_seconds: PositiveFloat = 15
    """Between two looks at the budgets. AWS looks some three times a day."""
    schedule_minute_seconds: PositiveFloat = 60
    """How long a minute lasts on the clock of EventBridge's schedules: tests make it short."""

    no_capacity: tuple[str, ...] = ()
    """Machines that EC2 has none of to hold, as `g5.xlarge us-east-1a`; what is not named there is no end of."""
    alarm_seconds: PositiveFloat = 60
    """Between two looks at the alarms."""
    metric_seconds: PositiveFloat = 60
    """Between two figures that a group, a queue or a fleet publishes of itself."""
    capture_seconds: PositiveFloat = 1
    """How long captured requests are collected before they are written as one object."""
    scaling_seconds: PositiveFloat = 5
    """Between two looks of the autoscaler. AWS looks once a minute and wants to see three of them."""

    @classmethod
    def of(cls, folder: Path) -> "Settings":
        """The settings of the cloud in `folder`. Raises CloudError."""
        file = folder / "settings.json"
        try:
            return cls.model_validate_json(file.read_text()) if file.exists() else cls()
        except ValidationError as error:
            found = error.errors()[0]
            name = ".".join(str(part) for part in found["loc"]) or "the file"
            known = ", ".join(cls.model_fields)
            raise CloudError(
                thing=str(file),
                value=f"{name}: {found['input']!r}",
                rule=f"is refused: {found['msg']}",
                fix=f"known settings: {known}",
            ) from error
