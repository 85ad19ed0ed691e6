"""A REST API in front of endpoints: callers need no word of SageMaker, and are signed, checked, slowed and logged."""

import json
from collections.abc import Mapping, Sequence

from cdktf import Fn, TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.api_gateway_account import ApiGatewayAccount
from cdktf_cdktf_provider_aws.api_gateway_deployment import ApiGatewayDeployment
from cdktf_cdktf_provider_aws.api_gateway_method_settings import (
    ApiGatewayMethodSettings,
    ApiGatewayMethodSettingsSettings,
)
from cdktf_cdktf_provider_aws.api_gateway_rest_api import ApiGatewayRestApi, ApiGatewayRestApiEndpointConfiguration
from cdktf_cdktf_provider_aws.api_gateway_rest_api_policy import ApiGatewayRestApiPolicy
from cdktf_cdktf_provider_aws.api_gateway_stage import ApiGatewayStage, ApiGatewayStageAccessLogSettings
from cdktf_cdktf_provider_aws.cloudwatch_log_group import CloudwatchLogGroup

from infra.api_definition import definition
from infra.naming import Names
from infra.role import Role, Statement, policy
from infra.spec import ApiSpec
from infra.toolkit import Construct, skip_check

_KEEP_LOGS_DAYS = 365
_STAGE = "v1"
_MADE_ANEW = TerraformResourceLifecycle(create_before_destroy=True)
# Who asked what from where, how long it took and what was wrong; never a request's content.
_LOGGED = {
    "requestId": "$context.requestId",
    "caller": "$context.identity.userArn",
    "ip": "$context.identity.sourceIp",
    "path": "$context.resourcePath",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "error": "$context.error.message",
    "webAcl": "$context.waf.status",
}
_WRITE_LOGS = (
    *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams"),
    *("logs:FilterLogEvents", "logs:GetLogEvents", "logs:PutLogEvents"),
)


class InferenceApi(Construct):
    """`POST /v1/PATH` for each of `endpoints` (path → endpoint's name), with IAM's signature on every request.

    Only this account's identities that may `execute-api:Invoke` are let in, and to a private API only through
    `vpc_endpoint_id`, the network's own for execute-api.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        spec: ApiSpec,
        names: Names,
        endpoints: Mapping[str, str],
        endpoint_arns: Sequence[str],
        vpc_endpoint_id: str | None,
        key_arn: str,
    ) -> None:
        super().__init__(scope, id)
        self._names, self._key_arn, self._name = names, key_arn, names.regional("inference")
        # API Gateway documents no source account for roles that it takes; naming one to it needs iam:PassRole here.
        role = Role(
            self,
            "asks_endpoints",
            name=names.role("inference-api"),
            service="apigateway.amazonaws.com",
            statements=(Statement(("sagemaker:InvokeEndpoint",), tuple(endpoint_arns)),),
        )
        doors = [vpc_endpoint_id] if vpc_endpoint_id and spec.reach == "private" else []
        reach = ApiGatewayRestApiEndpointConfiguration(types=[spec.reach.upper()], vpc_endpoint_ids=doors or None)
        self._api = ApiGatewayRestApi(
            self,
            "api",
            name=self._name,
            description=f"Models of {names.project} {names.environment}",
            body=definition(self._name, region=names.region, endpoints=endpoints, role_arn=role.arn),
            endpoint_configuration=reach,
            lifecycle=_MADE_ANEW,
        )
        stage = self._stage(spec, self._deployment(doors))
        self.stage_arn: str = stage.arn
        self.url: str = stage.invoke_url

    def _deployment(self, doors: Sequence[str]) -> ApiGatewayDeployment:
        everything = f"{self._api.execution_arn}/*"
        invoke, ours = ("execute-api:Invoke",), {"AWS": f"arn:aws:iam::{self._names.account_id}:root"}
        statements = [Statement(invoke, (everything,), principal=ours)]
        for door in doors:
            elsewhere = {"StringNotEquals": {"aws:SourceVpce": door}}
            statements.append(Statement(invoke, (everything,), effect="Deny", principal="*", condition=elsewhere))
        bound = ApiGatewayRestApiPolicy(self, "policy", rest_api_id=self._api.id, policy=policy(*statements))
        return ApiGatewayDeployment(
            self,
            "deployment",
            rest_api_id=self._api.id,
            # API Gateway serves what was deployed last, not what was written last.
            triggers={"content": Fn.sha256(Fn.jsonencode([self._api.body, bound.policy]))},
            lifecycle=_MADE_ANEW,
        )

    def _stage(self, spec: ApiSpec, deployment: ApiGatewayDeployment) -> ApiGatewayStage:
        # API Gateway makes the second one itself otherwise: without a key, and for ever.
        access = self._log_group("access", f"/aws/apigateway/{self._name}")
        errors = self._log_group("errors", f"API-Gateway-Execution-Logs_{self._api.id}/{_STAGE}")
        stage = ApiGatewayStage(
            self,
            "stage",
            rest_api_id=self._api.id,
            deployment_id=deployment.id,
            stage_name=_STAGE,
            xray_tracing_enabled=spec.tracing,
            access_log_settings=ApiGatewayStageAccessLogSettings(
                destination_arn=access.arn, format=json.dumps(_LOGGED)
            ),
            depends_on=[self._may_log(), errors],
        )
        settings = ApiGatewayMethodSettings(
            self,
            "method_settings",
            rest_api_id=self._api.id,
            stage_name=stage.stage_name,
            method_path="*/*",
            settings=ApiGatewayMethodSettingsSettings(
                throttling_rate_limit=spec.requests_per_second,
                throttling_burst_limit=spec.burst,
                metrics_enabled=True,
                logging_level="ERROR",
                # Requests and answers in full: what people write is nobody's log.
                data_trace_enabled=False,
            ),
        )
        skip_check(
            stage,
            CKV_AWS_120="a POST is never cached",
            CKV2_AWS_51="callers sign each request with IAM",
            CKV2_AWS_77="rules for Log4j are there; AnonymousIpList, which it also wants, locks out callers in clouds",
        )
        skip_check(settings, CKV_AWS_225="a POST is never cached")
        return stage

    def _may_log(self) -> ApiGatewayAccount:
        """Let API Gateway write logs: one setting for the region of an account, which stays when an API goes."""
        here = f"arn:aws:logs:{self._names.region}:{self._names.account_id}:*"
        role = Role(
            self,
            "writes_logs",
            name=self._names.role("inference-api-logs"),
            service="apigateway.amazonaws.com",
            statements=(Statement(_WRITE_LOGS, (here,)),),
        )
        return ApiGatewayAccount(self, "account", cloudwatch_role_arn=role.arn)

    def _log_group(self, id: str, name: str) -> CloudwatchLogGroup:
        return CloudwatchLogGroup(self, id, name=name, retention_in_days=_KEEP_LOGS_DAYS, kms_key_id=self._key_arn)
