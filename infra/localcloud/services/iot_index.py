"""AWS IoT's fleet index: moto searches the registry, and holds every device for connected.

There is no MQTT in this cloud, so no connection to look at: a device that has spoken lately counts as connected, by a
message, a word on its jobs or its shadow. One that keeps silent for longer than a keep-alive lasts counts as away.
"""

import re
import time

from infra.localcloud.operations import Context, Payload, after, operation

KEEP_ALIVE_SECONDS = 90.0
CONNECTED = re.compile(r"\s*(?:AND\s+)?connectivity\.connected:(true|false)", re.I)


def heard_of(thing: str, context: Context) -> None:
    """Note that a thing has spoken; what is no thing is never asked for."""
    _heard(context)[thing] = {"at": time.time()}


@operation("iot", "SearchIndex")
def search_index(params: Payload, context: Context) -> Payload:
    """What moto finds, with the connections that there are; the query may ask for those."""
    asked = CONNECTED.search(params["queryString"])
    rest = CONNECTED.sub("", params["queryString"]).strip() or "*"
    answer = context.forward({**params, "queryString": rest})
    for thing in answer.get("things", ()):
        heard = _heard(context).get(thing["thingName"], {"at": 0.0})["at"]
        thing["connectivity"] = {
            "connected": time.time() - heard < KEEP_ALIVE_SECONDS,
            "timestamp": int(heard * 1000),
        }
    if asked:
        wanted = asked[1].lower() == "true"
        answer["things"] = [one for one in answer.get("things", ()) if one["connectivity"]["connected"] is wanted]
    return answer


@after("iot-data", "UpdateThingShadow")
def heard_by_its_shadow(params: Payload, answer: Payload, context: Context) -> Payload:
    """Who writes a shadow is there."""
    heard_of(params["thingName"], context)
    return answer


@after("iot", "DeleteThing")
def forget_thing(params: Payload, answer: Payload, context: Context) -> Payload:
    """The next thing of that name has said nothing yet."""
    _heard(context).pop(params["thingName"], None)
    return answer


def _heard(context: Context) -> dict[str, Payload]:
    return context.cloud.notes("iot", "Heard", account=context.account, region=context.region)
