"""Random words: a strategy for any class of `infra.spec`, read off its own fields, so that new words need none.

A field's pattern, bounds and kind say what it takes. What only a look-up or another field knows stands in `KNOWN`; an
optional field whose draw breaks a rule between fields falls back on its default, a required one discards the draw.
"""

import re
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from hypothesis import assume
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from infra.spec import Environment, RegionSpec, Spec, SpecError
from infra.spec.instance_types import instance_types

Draw = Callable[[st.SearchStrategy[Any]], Any]

REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2", "ap-northeast-1")
# Ids that stacks give to things of their own: a pool or an endpoint may be called the same.
TAKEN_IDS = (
    *("alarms", "aws", "batch", "contract", "data", "endpoints", "images", "inference", "jobs", "main", "overview"),
    *("a", "a-contract", "a-machine", "a-scaling", "pool", "pool-a", "endpoint", "machine"),
)
PRINTABLE = st.characters(min_codepoint=33, max_codepoint=126)
# A pattern says itself where blanks may stand.
SPACED = st.characters(min_codepoint=32, max_codepoint=126)


@st.composite
def _like_types(draw: Draw, *, gpus: bool) -> tuple[str, ...]:
    """Types of one size, as a pool wants them."""
    sizes: dict[tuple[int, str, bool], list[str]] = {}
    for name, fact in instance_types().items():
        if bool(fact.gpus) == gpus:
            sizes.setdefault((fact.vcpus, fact.architecture, bool(fact.efa)), []).append(name)
    chosen = draw(st.sampled_from(sorted(sizes)))
    return tuple(draw(st.permutations(sizes[chosen]))[: draw(st.integers(1, 6))])


KNOWN: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("ClusterSpec", "head_type"): st.sampled_from(("m7i.large", "r7i.xlarge", "m7g.large")),
    ("ClusterSpec", "worker_types"): _like_types(gpus=False),
    ("GpuPoolSpec", "instance_types"): _like_types(gpus=True),
    ("TrainingSpec", "instance_type"): st.sampled_from([f"ml.{name}" for name in sorted(instance_types())]),
    ("RegionSpec", "name"): st.sampled_from(REGIONS),
    ("StateSpec", "region"): st.sampled_from(REGIONS),
    # Blocks that never overlap, for regions of one environment must not: /16 to /22, by the region's turn.
    ("NetworkSpec", "cidr"): st.builds("10.{}.0.0/{}".format, st.integers(0, 255), st.integers(16, 22)),
}


@st.composite
def any_word(draw: Draw, word: type[Spec]) -> Any:
    """A sound value of this class."""
    fields: dict[str, Any] = {}
    for name, field in word.model_fields.items():
        if field.is_required() or draw(st.booleans()):
            fields[name] = draw(_values(word, name, field))
    for _ in range(len(fields) + 1):
        try:
            return word(**fields)
        except SpecError as error:
            blamed = {name for name in fields if any(name in str(problem) for problem in error.problems)}
            optional = {name for name in blamed or fields if not word.model_fields[name].is_required()}
            assume(optional)
            fields = {name: value for name, value in fields.items() if name not in optional}
    return assume(False)


@st.composite
def any_environment(draw: Draw) -> Environment:
    """A sound environment of one region, or more rarely two."""
    names = draw(st.permutations(REGIONS))[: draw(st.sampled_from((1, 1, 1, 2)))]
    regions = []
    for turn, name in enumerate(names):
        region: RegionSpec = draw(any_word(RegionSpec))
        prefix = region.network.cidr.rsplit("/", 1)[1]
        network = region.network.model_copy(update={"cidr": f"10.{turn}.0.0/{prefix}"})
        regions.append(region.model_copy(update={"name": name, "network": network}))
    environment: Environment = draw(any_word(Environment))
    try:
        return Environment(**{**dict(environment), "regions": tuple(regions)})
    except SpecError:
        # What the whole forbids in its parts.
        return assume(False)


def _values(word: type[Spec], name: str, field: FieldInfo) -> st.SearchStrategy[Any]:
    known = KNOWN.get((word.__name__, name))
    return known if known is not None else _of(field.annotation, field.metadata, name)


def _of(kind: Any, rules: list[Any], name: str) -> st.SearchStrategy[Any]:
    """Values of an annotation under pydantic's own rules for it."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in (Union, UnionType):
        return st.one_of(*(_of(part, rules, name) for part in inner))
    if hasattr(kind, "__metadata__"):
        return _of(kind.__origin__, _flat(kind.__metadata__), name)
    if origin is tuple:
        least, most = _rule(rules, MinLen, "min_length", 0), _rule(rules, MaxLen, "max_length", 2)
        several = st.lists(_of(inner[0], [], name), min_size=least, max_size=min(most, least + 2), unique_by=_name_of)
        return several.map(tuple)
    if isinstance(kind, type) and issubclass(kind, Spec):
        return any_word(kind)
    plain: dict[Any, Callable[[list[Any], str], st.SearchStrategy[Any]]] = {
        bool: lambda *_: st.booleans(),
        int: _integers,
        float: _floats,
        str: _texts,
        NoneType: lambda *_: st.none(),
    }
    assert kind in plain, f"give {name} of type {kind} a strategy in tests/stacks/any_spec.py"
    return plain[kind](rules, name)


def _flat(rules: Any) -> list[Any]:
    return [rule for entry in rules for rule in (entry.metadata if isinstance(entry, FieldInfo) else (entry,))]


def _rule(rules: list[Any], kind: type, attribute: str, otherwise: Any) -> Any:
    return next((getattr(rule, attribute) for rule in rules if isinstance(rule, kind)), otherwise)


def _integers(rules: list[Any], _: str) -> st.SearchStrategy[int]:
    step = _rule(rules, MultipleOf, "multiple_of", 1)
    least = _rule(rules, Ge, "ge", _rule(rules, Gt, "gt", -1) + 1)
    most = _rule(rules, Le, "le", _rule(rules, Lt, "lt", least + 1001) - 1)
    return st.integers(-(-least // step), most // step).map(lambda turn: turn * step)


def _floats(rules: list[Any], _: str) -> st.SearchStrategy[float]:
    least, above = _rule(rules, Ge, "ge", None), _rule(rules, Gt, "gt", None)
    most, below = _rule(rules, Le, "le", None), _rule(rules, Lt, "lt", None)
    return st.floats(
        min_value=above if least is None else least,
        max_value=below if most is None else most,
        exclude_min=above is not None,
        exclude_max=below is not None,
        allow_nan=False,
        allow_infinity=False,
    )


def _texts(rules: list[Any], name: str) -> st.SearchStrategy[str]:
    pattern = next((found for rule in rules if (found := getattr(rule, "pattern", None))), None)
    least, most = _rule(rules, MinLen, "min_length", 0), _rule(rules, MaxLen, "max_length", 64)
    if pattern is None:
        return st.text(PRINTABLE, min_size=least, max_size=most)
    random = st.from_regex(re.compile(pattern.removesuffix("$") + r"\Z", re.ASCII), fullmatch=True, alphabet=SPACED)
    fitting = random.filter(lambda text: least <= len(text) <= most and not _loose(name, text))
    taken = [word for word in TAKEN_IDS if re.fullmatch(pattern, word)] if name == "name" else []
    return st.one_of(fitting, st.sampled_from(taken)) if taken else fitting


def _loose(field: str, text: str) -> bool:
    """Whether an environment refuses the name for its hyphens."""
    name = text.replace("_", "-")
    return field in ("name", "project", "model") and ("--" in name or name.endswith("-"))


def _name_of(value: Any) -> Any:
    return getattr(value, "name", value)
