"""SageMaker models and endpoint configurations: moto keeps them, and reads back less than it was given."""

from infra.localcloud.read_back import read_back

read_back("sagemaker", "Model", name="ModelName")
read_back("sagemaker", "EndpointConfig", name="EndpointConfigName")
