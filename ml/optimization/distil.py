"""Teach a small network what a large one answers (Hinton et al., 2015); also what is left of one after pruning."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from ml.optimization.recipe import Course
from ml.optimization.rounding import rounding
from ml.training.batches import Batches


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A student, and what it learns by: inputs, [length] each, filled up with 0, and the teacher's logits for them."""

    student: nn.Module
    inputs: Sequence[Tensor]
    answers: Tensor


def teach(lesson: Lesson, course: Course) -> nn.Module:
    """Teach the student, in place, saying after each epoch how far it still is from its teacher, in nats."""
    student = lesson.student.train()
    with rounding(student) if course.quantization_aware else nullcontext():
        _learn(student, lesson, course)
    return student.eval()


def _learn(student: nn.Module, lesson: Lesson, course: Course) -> None:
    torch.manual_seed(course.seed)
    batches = Batches([len(row) for row in lesson.inputs], course.batch_size, course.seed)
    steps = course.epochs * batches.per_epoch
    optimizer = torch.optim.AdamW(student.parameters(), course.learning_rate, weight_decay=1e-4)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, course.learning_rate, total_steps=steps, pct_start=0.1)
    far = 0.0
    for step in range(steps):
        places = batches[step]
        inputs = pad_sequence([lesson.inputs[place] for place in places], batch_first=True)
        loss = distance(student(inputs), lesson.answers[places], course.temperature)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        pace.step()
        far += float(loss.detach())
        if (step + 1) % batches.per_epoch == 0:
            epoch = (step + 1) // batches.per_epoch
            print(f"  epoch={epoch}/{course.epochs} distance={far / batches.per_epoch:.4f}", flush=True)
            far = 0.0


def distance(answers: Tensor, wanted: Tensor, temperature: float) -> Tensor:
    """Return the Kullback-Leibler divergence of softened answers, scaled so that the temperature moves no gradient."""
    softened = functional.log_softmax(answers / temperature, 1)
    return functional.kl_div(
        softened, functional.log_softmax(wanted / temperature, 1), reduction="batchmean", log_target=True
    ) * (temperature**2)
