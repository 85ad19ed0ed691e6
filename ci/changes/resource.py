"""What a plan does to each resource, why it replaces or destroys one, and whether that loses what nobody can remake."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from ci.result import Result

Action = Literal["create", "update", "replace", "destroy", "move", "import", "forget"]
ACTIONS: tuple[Action, ...] = ("create", "update", "replace", "destroy", "move", "import", "forget")
# Those that only the state hears of: nothing in AWS changes. What is moved or imported and changed too is an update.
OF_STATE: tuple[Action, ...] = ("move", "import", "forget")

# Terraform's names of them, in its event stream and in its plans.
_OF_EVENTS: Mapping[str, Action] = {
    "create": "create",
    "update": "update",
    "replace": "replace",
    "delete": "destroy",
    "move": "move",
    "import": "import",
    "remove": "forget",
}
_OF_PLANS: Mapping[tuple[str, ...], Action] = {
    ("create",): "create",
    ("update",): "update",
    ("delete", "create"): "replace",
    ("create", "delete"): "replace",
    ("delete",): "destroy",
    ("forget",): "forget",
}

# What is in them was not made by Terraform and does not come back with them.
STATEFUL = {
    *("aws_cloudwatch_log_group", "aws_db_instance", "aws_dynamodb_table", "aws_ebs_volume", "aws_ecr_repository"),
    *("aws_efs_file_system", "aws_fsx_lustre_file_system", "aws_kinesis_stream", "aws_kms_key", "aws_kms_replica_key"),
    *("aws_rds_cluster", "aws_s3_bucket", "aws_s3_directory_bucket", "aws_sagemaker_feature_group"),
    *("aws_sagemaker_model_package_group", "aws_secretsmanager_secret", "aws_sqs_queue"),
}

UNKNOWN, SECRET = "(known after apply)", "(sensitive)"
MOST_LETTERS = 80
FORGOTTEN = "stays in AWS, and nothing looks after it any more"
_REASONS = {
    "replace_because_tainted": "its creation had failed halfway",
    "replace_because_cannot_update": "cannot be changed in place",
    "replace_by_request": "asked for",
    "replace_by_triggers": "goes with what it names in replace_triggered_by",
    "delete_because_no_resource_config": "no longer declared",
    "delete_because_no_module": "no longer declared",
    "delete_because_wrong_repetition": "no longer counted",
    "delete_because_count_index": "beyond its count",
    "delete_because_each_key": "its key is no longer in for_each",
}


class ResourceChange(Result):
    """What a deploy would do to one resource: `attributes` are lines like `tags.owner: 'ann' → 'bob'`."""

    action: Action
    address: str
    type: str
    attributes: tuple[str, ...] = ()
    # Why it is replaced or destroyed; of what was moved or imported, where it comes from; nothing of all else.
    because: str = ""

    @property
    def loses(self) -> bool:
        """Whether contents go with it that a deploy cannot bring back."""
        return self.action in {"replace", "destroy"} and self.type in STATEFUL

    def __str__(self) -> str:
        return f"{self.action} {self.address}"


def of_events(planned: list[tuple[str, str]]) -> tuple[ResourceChange, ...]:
    """Return the changes that Terraform's event stream told: (action, address)."""
    return tuple(
        ResourceChange(action=_OF_EVENTS[action], address=address, type=address.split(".")[0])
        for action, address in planned
        if action in _OF_EVENTS
    )


def of_line(line: str) -> ResourceChange:
    """Return the change that `str` wrote as `line`: what is done to which resource, and no more."""
    action, _, address = line.partition(" ")
    return ResourceChange.model_validate({"action": action, "address": address, "type": address.split(".")[0]})


def lost(changes: Mapping[str, Iterable[ResourceChange]]) -> dict[str, list[ResourceChange]]:
    """Return by stack what of its changes loses contents; stacks that lose nothing are left out."""
    found = {stack: [change for change in inside if change.loses] for stack, inside in changes.items()}
    return {stack: inside for stack, inside in found.items() if inside}


def of_plan(document: Mapping[str, Any]) -> tuple[ResourceChange, ...]:
    """Return the changes of a plan, as `terraform show -json` writes it."""
    found = (_change(one) for one in document.get("resource_changes", ()) if one["mode"] == "managed")
    return tuple(change for change in found if change)


def of_drift(document: Mapping[str, Any]) -> tuple[ResourceChange, ...]:
    """Return what a plan found to be other than the state remembers, as far as the plan would put it back.

    The rest is no drift: values that a state has from the moment of creation and that nobody wants to be any way.
    """
    wanted = {one["address"]: _roots(one["change"]) for one in document.get("resource_changes", ()) if _changes(one)}
    found = []
    for one in document.get("resource_drift", ()):
        change = _change(one) if one["address"] in wanted else None
        if change and change.action == "update":
            lines = tuple(line for line in change.attributes if _root(line.partition(":")[0]) in wanted[one["address"]])
            change = change.model_copy(update={"attributes": lines}) if lines else None
        if change:
            found.append(change)
    return tuple(found)


def _changes(one: Mapping[str, Any]) -> bool:
    return one["mode"] == "managed" and tuple(one["change"]["actions"]) in _OF_PLANS.keys() - {("forget",)}


def _roots(change: Mapping[str, Any]) -> set[str]:
    """The arguments that a change changes."""
    return {_root(line.partition(":")[0]) for line in differences(change)}


def _root(path: str) -> str:
    return path.split(".")[0]


def differences(change: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a line for each value that differs between `before` and `after`; secrets are named, never shown."""
    secrets = (change.get("before_sensitive", False), change.get("after_sensitive", False))
    found = _unequal(change["before"], change["after"], change.get("after_unknown", False), secrets, "")
    return tuple(f"{path}: {_short(before)} → {_short(after)}" for path, before, after in found)


def _change(one: Mapping[str, Any]) -> ResourceChange | None:
    change = one["change"]
    action = _OF_PLANS.get(tuple(change["actions"])) or _of_state(one)
    if action is None:
        return None
    because = _REASONS.get(one.get("action_reason", ""), "") if action in {"replace", "destroy"} else ""
    if forcing := [".".join(map(str, path)) for path in change.get("replace_paths", ())]:
        because = f"{', '.join(forcing)} cannot be changed in place"
    because = "; ".join(filter(None, (because, _origin(one), FORGOTTEN if action == "forget" else "")))
    attributes = differences(change) if action in {"update", "replace"} else ()
    if action == "replace":
        # Everything that AWS computes is unknown then: only what made it so is worth a line.
        attributes = tuple(line for line in attributes if _root(line.partition(":")[0]) in map(_root, forcing))
    return ResourceChange(
        action=action, address=one["address"], type=one["type"], attributes=attributes, because=because
    )


def _of_state(one: Mapping[str, Any]) -> Action | None:
    """What becomes of a resource that stays as it is, and under its address or in the state at all for the first time.

    Terraform calls both a no-op. https://developer.hashicorp.com/terraform/internals/json-format#change-representation
    """
    if "previous_address" in one:
        return "move"
    return "import" if "importing" in one["change"] else None


def _origin(one: Mapping[str, Any]) -> str:
    if moved := one.get("previous_address"):
        return f"was {moved}"
    importing = one["change"].get("importing")
    return f"there already: {importing.get('id', UNKNOWN)}" if importing is not None else ""


def _unequal(before: Any, after: Any, unknown: Any, secrets: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if True in secrets:
        if before != after or unknown:
            yield path, SECRET, SECRET
    elif unknown is True:
        yield path, before, UNKNOWN
    elif isinstance(before, dict) and isinstance(after, dict):
        keys = dict.fromkeys((*before, *after, *(unknown if isinstance(unknown, dict) else ())))
        for key in keys:
            inner = tuple(_inside(secret, key) for secret in secrets)
            yield from _unequal(
                before.get(key), after.get(key), _inside(unknown, key), inner, f"{path}.{key}".strip(".")
            )
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for at, (one, other) in enumerate(zip(before, after, strict=True)):
            inner = tuple(_inside(secret, at) for secret in secrets)
            yield from _unequal(one, other, _inside(unknown, at), inner, f"{path}.{at}")
    elif before != after:
        yield path, before, after


def _inside(mask: Any, key: Any) -> Any:
    """One place of a mask, which is a bool for all of a value, or shaped like it as far as it is true."""
    if isinstance(mask, dict):
        return mask.get(key, False)
    if isinstance(mask, list) and isinstance(key, int):
        return mask[key] if key < len(mask) else False
    return False


def _short(value: Any) -> str:
    text = value if value in (UNKNOWN, SECRET) else repr(value)
    return text if len(text) <= MOST_LETTERS else f"{text[: MOST_LETTERS - 1]}…"
