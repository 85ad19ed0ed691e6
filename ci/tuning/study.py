"""A study in Optuna's storage: the one place where anything about its trials is written down.

Each method writes once, or so that it can be done again after a `kill -9` between any two of its writes.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ci.errors import CommandError
from ci.tuning.trials import End, Plan, State, Stop, Trial
from ml.training.search import Choice, LogUniform, Search, Value, Whole, Word

if TYPE_CHECKING:
    import optuna
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

# Before so many have ended, values are drawn at random and nothing is pruned.
DRAWN_AT_RANDOM = 5
COMPLETE_BEFORE_PRUNING = 3
PLAN, STOP, END, AGAIN = "plan", "stop", "end", "again"


class Study:
    """The study `name`; it is begun where the storage does not hold it.

    `facts` say what its trials have in common. They are written once, and the same must be given each time, for else
    its trials could not be compared. `run`, the beginning of its jobs' names, is the one that it was begun with.
    """

    def __init__(
        self,
        storage: "BaseStorage",
        name: str,
        search: Search,
        defaults: Mapping[str, Value],
        *,
        facts: Mapping[str, str],
        run: str,
        seed: int = 1,
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._storage, self._search, self._defaults, self._seed = storage, search, dict(defaults), seed
        self.name = name
        pruner = optuna.pruners.MedianPruner(COMPLETE_BEFORE_PRUNING, n_min_trials=COMPLETE_BEFORE_PRUNING)
        self.optuna = optuna.create_study(
            storage=storage, study_name=name, direction="maximize", pruner=pruner, load_if_exists=True
        )
        known = self.optuna.user_attrs
        if "facts" not in known:
            self.optuna.set_user_attr("run", run)
            self.optuna.set_user_attr("facts", dict(facts))
        self._check(known.get("facts", facts), facts)
        self.run: str = self.optuna.user_attrs["run"]
        if not self.optuna.get_trials(deepcopy=False):
            self.optuna.enqueue_trial(self._defaults)

    def _check(self, known: Mapping[str, str], facts: Mapping[str, str]) -> None:
        for fact, value in facts.items():
            if known.get(fact) != value:
                raise CommandError(
                    thing=f"study {self.name!r}",
                    value=f"{fact} {value}",
                    rule=f"cannot be compared with its trials so far, which had {known.get(fact)}",
                    fix="begin another: --study NAME",
                )

    def trials(self) -> list[Trial]:
        """Return all trials whose values are drawn, in order."""
        return [self._trial(found) for found in self._found() if set(found.params) == set(self._search)]

    def _found(self) -> "list[FrozenTrial]":
        return self.optuna.get_trials(deepcopy=False)

    def _trial(self, found: "FrozenTrial") -> Trial:
        told = found.user_attrs
        state = {"COMPLETE": State.COMPLETE, "PRUNED": State.PRUNED, "FAIL": State.FAILED}.get(found.state.name)
        return Trial(
            number=found.number,
            values=found.params,
            is_default=found.params == self._defaults,
            state=state or (State.RUNNING if PLAN in told else State.WAITING),
            plan=told.get(PLAN),
            stop=told.get(STOP),
            # Of one that still counts as running, the end was not told to Optuna yet: it will be looked at again.
            end=told.get(END) if state else None,
            rungs=found.intermediate_values,
        )

    def ask(self) -> Trial:
        """Return the next trial: the one that a killed tuner left without a plan, or a new one, with its values."""
        import optuna

        found = self._found()
        left = next((one for one in found if one.state.name == "RUNNING" and PLAN not in one.user_attrs), None)
        # One sampler a trial: after a restart it must not draw again what it drew at first.
        seed = 100_000 * self._seed + (left.number if left else len(found))
        self.optuna.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=DRAWN_AT_RANDOM)
        trial = optuna.trial.Trial(self.optuna, left._trial_id) if left else self.optuna.ask()
        for name, word in self._search.items():
            _draw(trial, name, word)
        return self._trial(self._storage.get_trial(trial._trial_id))

    def plan(self, trial: Trial, plan: Plan) -> Trial:
        """Give the trial its share of the budget: from here on its job may be there."""
        self._tell(trial, PLAN, plan.model_dump())
        return trial.model_copy(update={"plan": plan, "state": State.RUNNING})

    def mark(self, trial: Trial, stop: Stop) -> None:
        """Write down that and why the trial's job will be stopped."""
        self._tell(trial, STOP, stop.value)

    def reached(self, trial: Trial, rungs: Mapping[int, float]) -> bool:
        """Write down what is new of how it does; return whether others did better there."""
        news = {percent: value for percent, value in rungs.items() if percent not in trial.rungs}
        worse = False
        for percent, value in sorted(news.items()):
            self._storage.set_trial_intermediate_value(self._id(trial), percent, value)
            worse |= self.optuna.pruner.prune(self.optuna, self._storage.get_trial(self._id(trial)))
        return worse

    def end(self, trial: Trial, state: State, end: End) -> None:
        """Write down how the trial ended; one that was interrupted is tried again, by a trial of its own."""
        from optuna.trial import TrialState

        if state is State.FAILED and trial.stop is Stop.INTERRUPTED and not self._tried_again(trial):
            self.optuna.enqueue_trial(dict(trial.values), user_attrs={AGAIN: trial.number})
        self._tell(trial, END, end.model_dump())
        told = {State.COMPLETE: TrialState.COMPLETE, State.PRUNED: TrialState.PRUNED, State.FAILED: TrialState.FAIL}
        self.optuna.tell(trial.number, end.accuracy if state is State.COMPLETE else None, told[state])

    def _tried_again(self, trial: Trial) -> bool:
        return any(one.user_attrs.get(AGAIN) == trial.number for one in self._found())

    def _tell(self, trial: Trial, key: str, value: Any) -> None:
        self._storage.set_trial_user_attr(self._id(trial), key, value)

    def _id(self, trial: Trial) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self.optuna._study_id, trial.number)


def _draw(trial: "optuna.Trial", name: str, word: Word) -> None:
    match word:
        case Choice(options):
            trial.suggest_categorical(name, options)
        case Whole(low, high):
            trial.suggest_int(name, low, high)
        case _:
            trial.suggest_float(name, word.low, word.high, log=isinstance(word, LogUniform))
