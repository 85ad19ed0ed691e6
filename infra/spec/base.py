"""The base of all words that environments are written in, and how their mistakes are gathered."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from infra.spec.errors import Problem, SpecError, nearest

_gathered: ContextVar[list[Problem] | None] = ContextVar("_gathered", default=None)


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
            problems = [self._explain(detail, fields) for detail in error.errors(include_url=False)]
            self._keep_what_is_sound(fields, error)
        if self._is_whole():
            problems += self.broken_rules()
        _report(problems)

    def broken_rules(self) -> Iterator[Problem]:
        """Yield what no single field can know: rules between fields, or between the words inside this one."""
        return iter(())

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
        rule = detail["msg"].removeprefix("Value error, ").replace("Input should", "should", 1)
        return Problem(thing, f"{name}={_plain(detail['input'])}", rule, f"give {takes or 'a value of that kind'}")

    def _keep_what_is_sound(self, fields: Mapping[str, Any], error: ValidationError) -> None:
        """Stand in for the rejected word, so that the rest of its file is read and its other mistakes are found."""
        rejected = {detail["loc"][0] for detail in error.errors()}
        sound = {name: value for name, value in fields.items() if name not in rejected}
        draft = self.model_construct(**sound)
        for slot in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"):
            object.__setattr__(self, slot, getattr(draft, slot))

    def _is_whole(self) -> bool:
        """Tell whether this word and those in it have all their fields: rules may only read whole words."""
        inner = [part for value in self.__dict__.values() for part in (value if isinstance(value, tuple) else (value,))]
        return self.__dict__.keys() >= type(self).model_fields.keys() and all(
            part._is_whole() for part in inner if isinstance(part, Spec)
        )


@contextmanager
def gather() -> Iterator[None]:
    """Collect the problems of all words written inside, and raise them together as one `SpecError`."""
    problems: list[Problem] = []
    token = _gathered.set(problems)
    try:
        yield
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


def _plain(value: object) -> str:
    return str(value) if isinstance(value, int | float) else repr(value)
