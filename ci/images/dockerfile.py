"""A Dockerfile as far as ours go: stages, what each begins with, and its instructions."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from string import Template


@dataclass(frozen=True)
class Instruction:
    """One line of a stage, its continued lines joined."""

    word: str
    text: str

    @property
    def options(self) -> dict[str, str]:
        """What stands before the arguments, as `--from=program`."""
        found = (word.removeprefix("--").partition("=") for word in self.text.split() if word.startswith("--"))
        return {name: value for name, _, value in found}

    @property
    def arguments(self) -> list[str]:
        """What is in its list, or its words less the options."""
        if self.text.startswith("["):
            return list(json.loads(self.text))
        return [word for word in shlex.split(self.text) if not word.startswith("--")]


@dataclass
class Stage:
    """What is between one FROM and the next; `base` is another stage's name, or `${BASE}`."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)


def stages(file: Path) -> dict[str, Stage]:
    """Return the stages of a Dockerfile by their names."""
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    found: dict[str, Stage] = {}
    stage = Stage("", "")
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, text = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = text.partition(" AS ")
            stage = found[name] = Stage(name, base)
        elif word:
            stage.instructions.append(Instruction(word, text))
    return found


def filled(text: str, values: dict[str, str]) -> str:
    """Return a text with `${NAME}` in it filled in; what has no value is left."""
    return Template(text).safe_substitute(values)
