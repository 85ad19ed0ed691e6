"""CloudWatch Logs: saved queries of Logs Insights."""

import time
import uuid

from infra.localcloud.operations import AwsError, Context, Payload, operation


@operation("logs", "PutQueryDefinition")
def put_query_definition(params: Payload, context: Context) -> Payload:
    """Save a query, or change the saved one with that id."""
    identifier = params.get("queryDefinitionId") or str(uuid.uuid4())
    context.resources("QueryDefinition")[identifier] = {
        **params,
        "queryDefinitionId": identifier,
        "lastModified": int(time.time() * 1000),
    }
    return {"queryDefinitionId": identifier}


@operation("logs", "DescribeQueryDefinitions")
def describe_query_definitions(params: Payload, context: Context) -> Payload:
    """Saved queries whose name begins as asked."""
    prefix = params.get("queryDefinitionNamePrefix", "")
    saved = context.resources("QueryDefinition").values()
    return {"queryDefinitions": [query for query in saved if query["name"].startswith(prefix)]}


@operation("logs", "DeleteQueryDefinition")
def delete_query_definition(params: Payload, context: Context) -> Payload:
    """Forget a saved query."""
    if context.resources("QueryDefinition").pop(params["queryDefinitionId"], None) is None:
        raise AwsError("ResourceNotFoundException", "The specified query definition does not exist.")
    return {"success": True}
