"""SageMaker models, endpoint configurations and deployment settings: moto reads back other than it was given."""

from infra.localcloud.operations import Context, Payload, after
from infra.localcloud.read_back import read_back

read_back("sagemaker", "Model", name="ModelName", made=("ModelArn", "CreationTime"))
read_back("sagemaker", "EndpointConfig", name="EndpointConfigName", made=("EndpointConfigArn", "CreationTime"))


@after("sagemaker", "CreateEndpoint")
@after("sagemaker", "UpdateEndpoint")
def remember_deployment(params: Payload, answer: Payload, context: Context) -> Payload:
    """How traffic was moved last time; an update without settings of its own may retain them."""
    if not params.get("RetainDeploymentConfig"):
        config = params.get("DeploymentConfig")
        context.notes("Deployment")[params["EndpointName"]] = {"LastDeploymentConfig": config} if config else {}
    return answer


@after("sagemaker", "DescribeEndpoint")
def tell_deployment(params: Payload, answer: Payload, context: Context) -> Payload:
    """Read them back."""
    return {**answer, **context.notes("Deployment").get(params["EndpointName"], {})}


@after("sagemaker", "DeleteEndpoint")
def forget_deployment(params: Payload, answer: Payload, context: Context) -> Payload:
    """The next endpoint of that name begins without."""
    context.notes("Deployment").pop(params["EndpointName"], None)
    return answer
