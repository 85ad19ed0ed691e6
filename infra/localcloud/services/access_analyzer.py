"""IAM Access Analyzer: analyzers of an account, which find nothing here, for nobody outside can reach this cloud."""

import time

from infra.localcloud.operations import AwsError, Context, Payload, operation
from infra.localcloud.tags import tags_of, untag

ONE_OF_EACH_TYPE = 1
"""How many analyzers of a type an account may have in a region, for types that look for outsiders."""


@operation("accessanalyzer", "CreateAnalyzer")
def create_analyzer(params: Payload, context: Context) -> Payload:
    """An analyzer, at work at once."""
    analyzers, name, kind = context.resources("Analyzer"), params["analyzerName"], params["type"]
    if name in analyzers:
        raise AwsError("ConflictException", f"An analyzer with name {name} already exists.", 409)
    if sum(one["type"] == kind for one in analyzers.values()) >= ONE_OF_EACH_TYPE:
        raise AwsError("ServiceQuotaExceededException", f"The account has an analyzer of type {kind} already.", 402)
    arn = f"arn:aws:access-analyzer:{context.region}:{context.account}:analyzer/{name}"
    analyzers[name] = {
        "arn": arn,
        "name": name,
        "type": kind,
        "createdAt": time.time(),
        "status": "ACTIVE",
        **({"configuration": params["configuration"]} if params.get("configuration") else {}),
    }
    tags_of(context, arn).update(params.get("tags") or {})
    return {"arn": arn}


@operation("accessanalyzer", "GetAnalyzer")
def get_analyzer(params: Payload, context: Context) -> Payload:
    """One analyzer with its tags."""
    return {"analyzer": _shown(_find(params["analyzerName"], context), context)}


@operation("accessanalyzer", "ListAnalyzers")
def list_analyzers(params: Payload, context: Context) -> Payload:
    """The analyzers of the region, of one type or of all."""
    found = [one for one in context.resources("Analyzer").values() if one["type"] == params.get("type", one["type"])]
    return {"analyzers": [_shown(one, context) for one in found]}


@operation("accessanalyzer", "UpdateAnalyzer")
def update_analyzer(params: Payload, context: Context) -> Payload:
    """Change what an analyzer leaves out."""
    analyzer = _find(params["analyzerName"], context)
    analyzer["configuration"] = params.get("configuration", {})
    return {"configuration": analyzer["configuration"]}


@operation("accessanalyzer", "DeleteAnalyzer")
def delete_analyzer(params: Payload, context: Context) -> Payload:
    """The analyzer goes with its tags."""
    arn = _find(params["analyzerName"], context)["arn"]
    context.resources("Analyzer").pop(params["analyzerName"], None)
    context.notes("Tags").pop(arn, None)
    return {}


@operation("accessanalyzer", "ListFindingsV2")
def list_findings(params: Payload, context: Context) -> Payload:
    """Nothing: no policy here lets anybody in from outside."""
    return {"findings": []}


@operation("accessanalyzer", "ListTagsForResource")
def list_tags(params: Payload, context: Context) -> Payload:
    """The tags of an analyzer."""
    return {"tags": tags_of(context, params["resourceArn"])}


@operation("accessanalyzer", "TagResource")
def tag_resource(params: Payload, context: Context) -> Payload:
    """Add or change tags."""
    tags_of(context, params["resourceArn"]).update(params["tags"])
    return {}


@operation("accessanalyzer", "UntagResource")
def untag_resource(params: Payload, context: Context) -> Payload:
    """Remove tags."""
    untag(tags_of(context, params["resourceArn"]), params["tagKeys"])
    return {}


def _find(name: str, context: Context) -> Payload:
    found = context.resources("Analyzer").get(name)
    if found is None:
        raise AwsError("ResourceNotFoundException", f"Analyzer {name} does not exist.", 404)
    return found


def _shown(analyzer: Payload, context: Context) -> Payload:
    return {**analyzer, "tags": tags_of(context, analyzer["arn"])}
