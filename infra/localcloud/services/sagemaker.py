"""SageMaker models and endpoint configurations: moto keeps them, and reads back other than it was given."""

from infra.localcloud.read_back import read_back

read_back("sagemaker", "Model", name="ModelName", made=("ModelArn", "CreationTime"))
read_back("sagemaker", "EndpointConfig", name="EndpointConfigName", made=("EndpointConfigArn", "CreationTime"))
