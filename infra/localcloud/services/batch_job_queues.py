"""AWS Batch job queues: what happens to jobs that wait for too long, which moto does not keep."""

from infra.localcloud.operations import Context, Payload, after

KEPT = ("jobStateTimeLimitActions",)


@after("batch", "CreateJobQueue")
@after("batch", "UpdateJobQueue")
def remember_limits(params: Payload, answer: Payload, context: Context) -> Payload:
    """An update without limits leaves those that were there."""
    known = context.notes("JobQueue").setdefault(answer["jobQueueArn"], {})
    known.update({member: params[member] for member in KEPT if member in params})
    return answer


@after("batch", "DescribeJobQueues")
def tell_limits(params: Payload, answer: Payload, context: Context) -> Payload:
    """Read them back."""
    known = context.notes("JobQueue")
    return {**answer, "jobQueues": [{**one, **known.get(one["jobQueueArn"], {})} for one in answer["jobQueues"]]}


@after("batch", "DeleteJobQueue")
def forget_limits(params: Payload, answer: Payload, context: Context) -> Payload:
    """The next queue of that name begins without."""
    name = params["jobQueue"].rsplit("/", 1)[-1]
    for arn in [arn for arn in context.notes("JobQueue") if arn.endswith(f"/{name}")]:
        del context.notes("JobQueue")[arn]
    return answer
