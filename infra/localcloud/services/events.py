"""EventBridge: events reach every target of every rule that they meet."""

import json

from infra.localcloud.machines.event_bus import send_event
from infra.localcloud.operations import Context, Payload, operation


@operation("events", "PutEvents")
def put_events(params: Payload, context: Context) -> Payload:
    """Take each entry for the default bus by itself, as EventBridge does; other buses are moto's."""
    if any(entry.get("EventBusName", "default").rsplit("/", 1)[-1] != "default" for entry in params["Entries"]):
        return context.forward(None)
    entries = [_put(entry, context) for entry in params["Entries"]]
    return {"FailedEntryCount": sum("ErrorCode" in entry for entry in entries), "Entries": entries}


def _put(entry: Payload, context: Context) -> Payload:
    missing = [name for name in ("Source", "DetailType", "Detail") if not entry.get(name)]
    if missing:
        rule = f"Parameter {missing[0]} is not valid. Reason: {missing[0]} is a required argument."
        return {"ErrorCode": "InvalidArgument", "ErrorMessage": rule}
    if entry["Source"].startswith("aws."):
        return {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    told = (entry["Source"], entry["DetailType"], detail, *entry.get("Resources", ()))
    return {"EventId": send_event(context.cloud, context.account, context.region, *told)}
