"""AWS Batch: what a multi-node job definition says about its nodes, which moto does not keep."""

from infra.localcloud.operations import Context, Payload, after


@after("batch", "RegisterJobDefinition")
def remember_nodes(params: Payload, answer: Payload, context: Context) -> Payload:
    """Every revision has nodes of its own."""
    if "nodeProperties" in params:
        context.notes("JobDefinition")[answer["jobDefinitionArn"]] = {"nodeProperties": params["nodeProperties"]}
    return answer


@after("batch", "DescribeJobDefinitions")
def tell_nodes(params: Payload, answer: Payload, context: Context) -> Payload:
    """Read them back."""
    known = context.notes("JobDefinition")
    definitions = [{**one, **known.get(one["jobDefinitionArn"], {})} for one in answer["jobDefinitions"]]
    return {**answer, "jobDefinitions": definitions}
