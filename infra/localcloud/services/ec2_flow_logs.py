"""EC2 flow logs into a folder of a bucket: moto takes the folder for a part of the bucket's name."""

from infra.localcloud.operations import Context, Payload, after, operation


@operation("ec2", "CreateFlowLogs")
def create_flow_logs(params: Payload, context: Context) -> Payload:
    """Made for the bucket, kept with the folder."""
    bucket, slash, folder = params.get("LogDestination", "").partition("/")
    if params.get("LogDestinationType") != "s3" or not folder:
        return context.forward(None)
    answer = context.forward({**params, "LogDestination": bucket})
    for identifier in answer.get("FlowLogIds", ()):
        context.notes("FlowLog")[identifier] = {"LogDestination": f"{bucket}{slash}{folder}"}
    return answer


@after("ec2", "DescribeFlowLogs")
def tell_folder(params: Payload, answer: Payload, context: Context) -> Payload:
    """Read it back."""
    for log in answer.get("FlowLogs", ()):
        log.update(context.notes("FlowLog").get(log["FlowLogId"], {}))
    return answer
