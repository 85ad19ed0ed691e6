"""How far Terraform is with one stack, as its own event stream tells it."""

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["waiting", "preparing", "planning", "applying", "done", "failed", "skipped", "interrupted"]


@dataclass(frozen=True)
class Diagnostic:
    """One of Terraform's findings, with the address of the resource if it names one."""

    severity: str
    summary: str
    detail: str
    address: str | None

    def __str__(self) -> str:
        where = f"{self.address}: " if self.address else ""
        return f"{where}{self.summary}" + (f"\n    {self.detail.strip()}" if self.detail.strip() else "")


@dataclass
class StackProgress:
    """What a reader of a terminal wants to know of a stack while Terraform works on it."""

    stack: str
    state: State = "waiting"
    # Seconds on time.monotonic()'s clock.
    started: float | None = None
    finished: float | None = None
    # What the plan wants: counts of create, update, replace, delete.
    planned: Counter[str] = field(default_factory=Counter)
    # The same with addresses: ("update", "aws_s3_bucket.data").
    changes: list[tuple[str, str]] = field(default_factory=list)
    # What becomes of each output: create, update, delete or noop.
    outputs: dict[str, str] = field(default_factory=dict)
    # Addresses of what is not as the state remembers it.
    drifted: list[str] = field(default_factory=list)
    total: int = 0
    done: int = 0
    # Addresses in work → when each began.
    working: dict[str, float] = field(default_factory=dict)
    # What was done: address, began, ended.
    spans: list[tuple[str, float, float]] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    # Lines that are no events: what Terraform writes when it cannot even start.
    noise: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """How long it has been, or was, in work."""
        if self.started is None:
            return 0.0
        return (self.finished or time.monotonic()) - self.started

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it in this run."""
        return self.state in {"done", "failed", "skipped", "interrupted"}

    @property
    def complaints(self) -> list[str]:
        """Terraform's errors, without its warnings; where it could not even report one, all that it wrote."""
        errors = [str(diagnostic) for diagnostic in self.diagnostics if diagnostic.severity == "error"]
        return errors or self.noise

    def begin_again(self) -> None:
        """Forget the findings and the plan of a try that is followed by another."""
        self.diagnostics.clear()
        self.planned.clear()
        self.changes.clear()
        self.working.clear()

    def absorb(self, line: str) -> None:
        """Take one line of `terraform … -json`."""
        try:
            event = json.loads(line)
            kind = event["type"]
        except (ValueError, KeyError, TypeError):
            if line.strip():
                self.noise.append(line.rstrip())
            return
        if handler := getattr(self, f"_on_{kind}", None):
            handler(event)

    def _on_planned_change(self, event: dict[str, Any]) -> None:
        action = event["change"]["action"]
        self.planned[action] += 1
        self.changes.append((action, event["change"]["resource"]["addr"]))

    def _on_resource_drift(self, event: dict[str, Any]) -> None:
        self.drifted.append(event["change"]["resource"]["addr"])

    def _on_change_summary(self, event: dict[str, Any]) -> None:
        changes = event["changes"]
        if changes["operation"] == "plan":
            self.total = changes["add"] + changes["change"] + changes["remove"]

    def _on_outputs(self, event: dict[str, Any]) -> None:
        # Told again after an apply, with values in the place of actions.
        self.outputs |= {name: output["action"] for name, output in event["outputs"].items() if "action" in output}

    def _on_apply_start(self, event: dict[str, Any]) -> None:
        self.state = "applying"
        self.working[event["hook"]["resource"]["addr"]] = time.monotonic()

    def _on_apply_complete(self, event: dict[str, Any]) -> None:
        address = event["hook"]["resource"]["addr"]
        # Reading a data source during apply is reported alike, and is no change.
        self.done += event["hook"].get("action") != "read"
        self._end_of(address)

    def _on_apply_errored(self, event: dict[str, Any]) -> None:
        self._end_of(event["hook"]["resource"]["addr"])

    def _on_diagnostic(self, event: dict[str, Any]) -> None:
        found = event["diagnostic"]
        self.diagnostics.append(
            Diagnostic(found["severity"], found["summary"], found.get("detail", ""), found.get("address"))
        )

    def _end_of(self, address: str) -> None:
        began = self.working.pop(address, None)
        if began is not None:
            self.spans.append((address, began, time.monotonic()))
