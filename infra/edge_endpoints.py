"""Where devices reach AWS: one address for messages and jobs, one that trades a certificate for credentials."""

from cdktf_cdktf_provider_aws.data_aws_iot_endpoint import DataAwsIotEndpoint

from infra.toolkit import Construct


class EdgeEndpoints(Construct):
    """The account's own addresses in the region."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        messages = DataAwsIotEndpoint(self, "messages", endpoint_type="iot:Data-ATS")
        credentials = DataAwsIotEndpoint(self, "credentials", endpoint_type="iot:CredentialProvider")
        self.messages: str = messages.endpoint_address
        self.credentials: str = credentials.endpoint_address
