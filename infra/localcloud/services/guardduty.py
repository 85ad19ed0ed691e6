"""GuardDuty's features: changed one at a time, read back all together."""

import time

from infra.localcloud.operations import Context, Payload, after, operation

ON_BY_DEFAULT = (
    *("CLOUD_TRAIL", "DNS_LOGS", "FLOW_LOGS", "S3_DATA_EVENTS", "EBS_MALWARE_PROTECTION"),
    *("RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS", "EKS_AUDIT_LOGS"),
)
OFF_BY_DEFAULT = ("EKS_RUNTIME_MONITORING", "RUNTIME_MONITORING")


@operation("guardduty", "UpdateDetector")
def update_detector(params: Payload, context: Context) -> Payload:
    """What is named changes; moto would forget the features that are not."""
    with context.cloud.lock:
        features = context.notes("Features").setdefault(params["DetectorId"], {})
        for feature in params.get("Features") or ():
            features[feature["Name"]] = {**feature, "UpdatedAt": time.time()}
    return context.forward({key: value for key, value in params.items() if key != "Features"})


@after("guardduty", "CreateDetector")
def remember_features(params: Payload, answer: Payload, context: Context) -> Payload:
    """A new detector's features."""
    given = {feature["Name"]: feature for feature in params.get("Features") or ()}
    context.notes("Features")[answer["DetectorId"]] = given
    return answer


@after("guardduty", "GetDetector")
def tell_features(params: Payload, answer: Payload, context: Context) -> Payload:
    """Every feature with its state."""
    states = dict.fromkeys(ON_BY_DEFAULT, "ENABLED") | dict.fromkeys(OFF_BY_DEFAULT, "DISABLED")
    given = context.notes("Features").get(params["DetectorId"], {})
    all_of_them = {name: {"Name": name, "Status": state} for name, state in states.items()} | given
    return {**answer, "Features": list(all_of_them.values())}


@after("guardduty", "DeleteDetector")
def forget_features(params: Payload, answer: Payload, context: Context) -> Payload:
    """They go with their detector."""
    context.notes("Features").pop(params["DetectorId"], None)
    return answer
