"""What functions of the command return: frozen values that print as JSON as they are."""

from pydantic import BaseModel, ConfigDict


class Result(BaseModel):
    """An outcome with fields to read; units stand in their names."""

    model_config = ConfigDict(frozen=True, extra="forbid")
