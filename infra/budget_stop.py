"""What happens when the budget is spent: no launcher starts another job, and no queue lets one go."""

from collections.abc import Sequence

from cdktf_cdktf_provider_aws.budgets_budget_action import (
    BudgetsBudgetAction,
    BudgetsBudgetActionActionThreshold,
    BudgetsBudgetActionDefinition,
    BudgetsBudgetActionDefinitionIamActionDefinition,
    BudgetsBudgetActionSubscriber,
)
from cdktf_cdktf_provider_aws.iam_policy import IamPolicy
from cdktf_cdktf_provider_aws.lambda_permission import LambdaPermission
from cdktf_cdktf_provider_aws.sns_topic import SnsTopic
from cdktf_cdktf_provider_aws.sns_topic_policy import SnsTopicPolicy
from cdktf_cdktf_provider_aws.sns_topic_subscription import SnsTopicSubscription

from infra.naming import Names
from infra.role import Role, Statement, policy
from infra.toolkit import Construct

_BUDGETS = "budgets.amazonaws.com"
_LAUNCH = (
    *("batch:SubmitJob", "sagemaker:CreateHyperParameterTuningJob", "sagemaker:CreateProcessingJob"),
    *("sagemaker:CreateTrainingJob", "sagemaker:CreateTransformJob", "sagemaker:StartPipelineExecution"),
)


class BudgetTopic(Construct):
    """The topic on which Budgets tells that the share is spent at which training stops; the brake hears it."""

    def __init__(self, scope: Construct, id: str, *, names: Names, key_arn: str, brake_arn: str) -> None:
        super().__init__(scope, id)
        topic = SnsTopic(self, "topic", name=names.regional("budget"), kms_master_key_id=key_arn)
        own = {"StringEquals": {"aws:SourceAccount": names.account_id}}
        statement = Statement(("sns:Publish",), (topic.arn,), principal={"Service": _BUDGETS}, condition=own)
        SnsTopicPolicy(self, "policy", arn=topic.arn, policy=policy(statement))
        LambdaPermission(
            self,
            "permission",
            function_name=brake_arn,
            action="lambda:InvokeFunction",
            principal="sns.amazonaws.com",
            source_arn=topic.arn,
        )
        SnsTopicSubscription(self, "subscription", topic_arn=topic.arn, protocol="lambda", endpoint=brake_arn)
        self.arn: str = topic.arn


class LaunchBan(Construct):
    """A budget action that attaches a denial of new jobs to the roles `launchers`; reversing it takes it off again."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        names: Names,
        budget_name: str,
        percent: int,
        launchers: Sequence[str],
        topic_arn: str,
    ) -> None:
        super().__init__(scope, id)
        ban = IamPolicy(
            self,
            "policy",
            name=names.role("no-new-jobs"),
            description="Attached by the budget when it is spent",
            policy=policy(Statement(_LAUNCH, effect="Deny")),
        )
        roles = tuple(f"arn:aws:iam::{names.account_id}:role/{name}" for name in launchers)
        executor = Role(
            self,
            "executor",
            name=names.role("budget-action"),
            service=_BUDGETS,
            for_account=names.account_id,
            statements=(
                Statement(
                    ("iam:AttachRolePolicy", "iam:DetachRolePolicy"),
                    roles,
                    condition={"ArnEquals": {"iam:PolicyARN": ban.arn}},
                ),
            ),
        )
        ban_everywhere = BudgetsBudgetActionDefinitionIamActionDefinition(policy_arn=ban.arn, roles=list(launchers))
        BudgetsBudgetAction(
            self,
            "budget_action",
            budget_name=budget_name,
            action_type="APPLY_IAM_POLICY",
            approval_model="AUTOMATIC",
            notification_type="ACTUAL",
            action_threshold=BudgetsBudgetActionActionThreshold(
                action_threshold_type="PERCENTAGE", action_threshold_value=percent
            ),
            definition=BudgetsBudgetActionDefinition(iam_action_definition=ban_everywhere),
            execution_role_arn=executor.arn,
            subscriber=[BudgetsBudgetActionSubscriber(address=topic_arn, subscription_type="SNS")],
        )
