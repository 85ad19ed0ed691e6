"""The steps of a recipe, one after the other; after each it is measured, compared and held to the gates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from types import ModuleType

from torch import nn

from ml.data.datasets import Example
from ml.models import catalogue
from ml.optimization import export, gates, quantize
from ml.optimization.candidate import Candidate, Logits
from ml.optimization.distil import Lesson, teach
from ml.optimization.heldout import JUDGED_TOGETHER, HeldOut
from ml.optimization.measure import Measured, answers, measure
from ml.optimization.packages import LeftOut, Packaged, make, possible
from ml.optimization.prune import prune
from ml.optimization.recipe import Distil, Export, Optimization, Package, Prune, Quantize, Step, TensorRT


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The file that is served, a row for the trained model and one for each step, and the proof of each file.

    Beside it the packages, and those that this machine could not make.
    """

    file: Path
    rows: Sequence[Measured]
    parities: Sequence[export.Parity]
    packages: Sequence[Packaged]
    left_out: Sequence[LeftOut]


class Pipeline:
    """One run of a recipe on a trained model; `examples` are what may be learnt from, their labels are not read."""

    def __init__(
        self, optimization: Optimization, model: str, heldout: HeldOut, examples: Sequence[Example], scratch: Path
    ) -> None:
        self._optimization, self._model, self._heldout = optimization, model, heldout
        self._examples, self._scratch = examples, scratch
        self._lesson: Lesson | None = None

    @property
    def _part(self) -> ModuleType:
        return self._heldout.part

    def run(self) -> Outcome:
        """Take every step; raise `GateError` or `ParityError` at the first that may not be served.

        Raises `InputError` before the first for a package that this machine cannot make.
        """
        packages, left_out = possible(self._optimization.packages)
        for one in left_out:
            print(f"left out: {one.package}: {one.reason}", flush=True)
        candidate = Candidate(network=self._part.load(self._heldout.trained), input_name=self._part.INPUT)
        logits = answers(candidate, self._heldout)
        rows, parities = [self._measured("trained", candidate, logits)], list[export.Parity]()
        for number, step in enumerate(self._optimization.steps, 1):
            name = type(step).__name__.lower()
            print(f"step={number}/{len(self._optimization.steps)} {name} {step}", flush=True)
            candidate, before = self._taken(step, candidate), logits
            logits = answers(candidate, self._heldout)
            if isinstance(step, Export):
                exported, known = candidate, before
            if isinstance(step, Export | Quantize):
                quantized = isinstance(step, Quantize)
                parities.append(export.parity(before, logits, step.tolerance, likelihoods=quantized))
            rows.append(self._measured(name, candidate, logits))
            last = number == len(self._optimization.steps)
            gates.check(self._optimization.gates, rows[0], rows[-1], last=last)
        assert candidate.file, "every optimization exports"
        packaged = [self._packaged(package, exported, known, rows[0]) for package in packages]
        return Outcome(file=candidate.file, rows=rows, parities=parities, packages=packaged, left_out=left_out)

    def _packaged(self, package: Package, exported: Candidate, known: Logits, trained: Measured) -> Packaged:
        """Make a package of what was exported; `known` are the network's own answers."""
        print(f"package {package}", flush=True)
        name, candidate = make(package, exported, self._heldout, self._scratch)
        logits = answers(candidate, self._heldout)
        proof = export.parity(known, logits, package.tolerance, likelihoods=isinstance(package, TensorRT))
        row = self._measured(name, candidate, logits)
        gates.check(self._optimization.gates, trained, row, last=False)
        assert candidate.file, "a package is a file"
        return Packaged(file=candidate.file, row=row, parity=proof)

    def _measured(self, name: str, candidate: Candidate, logits: Logits) -> Measured:
        row = measure(name, candidate, logits, self._heldout, self._optimization.timed_seconds, self._scratch)
        one, many = row.timings
        print(
            f"measured {name}: accuracy={row.accuracy:.4f} bytes={row.bytes} p50_ms={one.p50_ms:.4f} "
            f"p99_ms={one.p99_ms:.4f} batch_{many.batch}_p50_ms={many.p50_ms:.3f} memory_bytes={row.memory_bytes}",
            flush=True,
        )
        return row

    def _taken(self, step: Step, candidate: Candidate) -> Candidate:
        """Return what the step makes of the candidate."""
        match step:
            case Distil():
                return replace(candidate, network=self._distilled(step, candidate.network))
            case Prune():
                return replace(candidate, network=self._pruned(step, candidate.network))
            case Export():
                file = self._scratch / "exported.onnx"
                export.export(self._part, candidate.network, self._heldout.sample(2), file)
            case Quantize():
                file = self._scratch / "quantized.onnx"
                self._quantize(step, candidate, file)
        return replace(candidate, file=file)

    def _distilled(self, step: Distil, teacher: nn.Module) -> nn.Module:
        part, texts = catalogue.part(self._model, "student"), [example.text for example in self._examples]
        self._lesson = part.prepare(step.student, teacher, self._heldout.trained, texts, step.course.seed)
        print(f"  the teacher answered {len(self._lesson.inputs)} texts and pieces of texts", flush=True)
        return teach(self._lesson, step.course)

    def _pruned(self, step: Prune, network: nn.Module) -> nn.Module:
        assert self._lesson, "a recipe prunes only what it distilled"
        prune(network, self._heldout.sample(2), step.share, step.round_to)
        return teach(self._lesson, step.course)

    def _quantize(self, step: Quantize, candidate: Candidate, out: Path) -> None:
        assert candidate.file, "a recipe exports before it quantizes"
        if step.how == "dynamic":
            quantize.dynamic(candidate.file, out)
            return
        # Sources come sorted by label and by domain; ranges are to be those of all.
        drawn = Random(0).sample(self._examples, min(step.calibration, len(self._examples)))  # noqa: S311 - no secret
        batches = [drawn[start : start + JUDGED_TOGETHER] for start in range(0, len(drawn), JUDGED_TOGETHER)]
        inputs = (self._part.inputs(self._heldout.trained, batch).numpy() for batch in batches)
        quantize.static(candidate.file, out, candidate.input_name, inputs)
