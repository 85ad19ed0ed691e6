"""The base of all words that environments are written in, and how their mistakes are gathered."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from infra.spec.errors import Problem, SpecError, nearest
from infra.spec.quotas import QuotaNeed
from infra.spec.wording import broken_rule

_gathered: ContextVar[list[Problem] | None] = ContextVar("_gathered", default=None)


class _RejectedFieldError(AttributeError):
    """A rule reads a field whose value was rejected; that was reported already."""


class Spec(BaseModel):
    """A frozen word with keyword fields only. It raises `SpecError` at once, or at the end of a `gather`.

    Field descriptions say what a field takes: they end an error message as the fix.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    title: ClassVar[str] = "spec"

    def __init__(self, **fields: Any) -> None:
        problems: list[Problem] = []
        try:
            super().__init__(**fields)
        except ValidationError as error:
            found = [self._explain(detail, fields) for detail in error.errors(include_url=False)]
            # A value that fits none of several kinds is reported once for each of them.
            problems = list(dict.fromkeys(found))
            self._keep_what_is_sound(fields, error)
        _report(problems + list(sound(self.broken_rules())))

    def broken_rules(self) -> Iterator[Problem]:
        """Yield what no single field can know: rules between fields, or between the words inside this one.

        A rule that reads a rejected field ends there, silently; wrap in `sound` those that others should outlive.
        """
        return iter(())

    @property
    def quota_needs(self) -> tuple[QuotaNeed, ...]:
        """What this word alone, without those inside it, may ask of AWS's service quotas in its region."""
        return ()

    def words(self) -> Iterator["Spec"]:
        """Yield this word and all those inside it, however deep."""
        yield self
        for value in self.__dict__.values():
            for part in value if isinstance(value, tuple) else (value,):
                if isinstance(part, Spec):
                    yield from part.words()

    def problem(self, field: str, rule: str, fix: str) -> Problem:
        """Return a problem of this word's `field`, which must hold a value."""
        return Problem(_called(type(self), self.__dict__), f"{field}={_plain(getattr(self, field))}", rule, fix)

    @classmethod
    def _explain(cls, detail: ErrorDetails, fields: Mapping[str, Any]) -> Problem:
        """Put one of pydantic's findings into our four parts."""
        name = str(detail["loc"][0])
        thing = _called(cls, fields)
        takes = cls.model_fields[name].description if name in cls.model_fields else None
        if detail["type"] == "extra_forbidden":
            known = tuple(cls.model_fields)
            fix = nearest(name, known, otherwise=f"it has {', '.join(known)}")
            return Problem(thing, f"{name}={_plain(detail['input'])}", "is no field of it", fix)
        if detail["type"] == "missing":
            return Problem(thing, name, "has no value", f"add {name}=…" + (f": {takes}" if takes else ""))
        return Problem(thing, f"{_place(detail)}={_plain(detail['input'])}", broken_rule(detail), _fix(detail, takes))

    def _keep_what_is_sound(self, fields: Mapping[str, Any], error: ValidationError) -> None:
        """Stand in for the rejected word, so that the rest of its file is read and its other mistakes are found."""
        rejected = {detail["loc"][0] for detail in error.errors()}
        kept = {name: value for name, value in fields.items() if name not in rejected}
        draft = self.model_construct(**kept)
        # Without their defaults: a rule must not judge what nobody wrote.
        for name in rejected & draft.__dict__.keys():
            del draft.__dict__[str(name)]
        for slot in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"):
            object.__setattr__(self, slot, getattr(draft, slot))

    if not TYPE_CHECKING:  # The type checker would believe that every attribute exists.

        def __getattr__(self, name: str) -> Any:
            if name in type(self).model_fields:
                raise _RejectedFieldError(f"{type(self).__name__} has no sound {name}")
            return super().__getattr__(name)


def sound(rule: Iterator[Problem]) -> Iterator[Problem]:
    """Yield the problems that `rule` finds, until it reads a field whose value was rejected."""
    try:
        yield from rule
    except _RejectedFieldError:
        return


@contextmanager
def gather() -> Iterator[list[Problem]]:
    """Collect the problems of all words written inside, and raise them together as one `SpecError`.

    Whoever knows more than a word can add to the list.
    """
    problems: list[Problem] = []
    token = _gathered.set(problems)
    try:
        yield problems
    except Exception as error:
        # What a broken word leads to further down the file is no news to its reader.
        if problems:
            raise SpecError(problems) from error
        raise
    finally:
        _gathered.reset(token)
    if problems:
        raise SpecError(problems)


def _report(problems: list[Problem]) -> None:
    gathered = _gathered.get()
    if gathered is not None:
        gathered += problems
    elif problems:
        raise SpecError(problems)


def _called(kind: type[Spec], fields: Mapping[str, Any]) -> str:
    name = fields.get("name")
    return f"{kind.title} {name!r}" if isinstance(name, str) else kind.title


def _place(detail: ErrorDetails) -> str:
    """Return the field, with the index of the item that is wrong: ``emails[0]``."""
    name, *inside = detail["loc"]
    return str(name) + "".join(f"[{index}]" for index in inside[:1] if isinstance(index, int))


def _fix(detail: ErrorDetails, takes: str | None) -> str:
    """Return what the field takes, after the choice that was probably meant."""
    give = f"give {takes or 'a value of that kind'}"
    if detail["type"] != "literal_error" or not isinstance(detail["input"], str):
        return give
    choices = detail["ctx"]["expected"].replace(" or ", ", ").split(", ")
    return nearest(detail["input"], [choice.strip("'") for choice in choices], otherwise=give)


def _plain(value: object) -> str:
    return str(value) if isinstance(value, int | float) else repr(value)
