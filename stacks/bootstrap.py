"""What an environment stands on before its first deploy: the bucket of its state, and the roles of its workflows."""

from infra.bucket import Bucket
from infra.github_trust import Boundary, GithubProvider, WorkflowRole
from infra.key import EncryptionKey
from infra.naming import Names
from infra.spec import Environment, GithubSpec
from infra.toolkit import Construct, Stack
from infra.workflow_permissions import Ground, boundary, deploy, plan, preview

_PLAN_SECONDS, _DEPLOY_SECONDS = 3600, 4 * 3600


class BootstrapStack(Stack):
    """Made by a person, once, with `groundplan bootstrap`; its own state ends in the bucket that it made."""

    def __init__(self, scope: Construct, environment: Environment) -> None:
        region, guarded = environment.state.region, environment.guarded
        super().__init__(scope, environment, region, "bootstrap")
        names = Names.of(environment, region)
        key = EncryptionKey(self, "state", names=names, purpose="state", guarded=guarded)
        state = Bucket(
            self,
            "states",
            name=environment.state.bucket,
            key_arn=key.arn,
            guarded=guarded,
            old_versions_days=environment.old_versions_days,
        )
        ground = Ground(names, [one.name for one in environment.regions], state.arn, key.arn)
        for github in environment.repositories:
            self._roles(github, ground, environment)

    def _roles(self, github: GithubSpec, ground: Ground, environment: Environment) -> None:
        names, subject = ground.names, f"repo:{github.repository}"
        bound = Boundary(self, "workflows", name=names.role("workflows"), statements=boundary(ground))
        provider = GithubProvider(self, "github", spec=github)
        WorkflowRole(
            self,
            "plan",
            name=names.role("plan"),
            description=f"Plans {environment.name} for {github.repository}; reads and changes nothing",
            provider_arn=provider.arn,
            subjects=(f"{subject}:pull_request", f"{subject}:ref:refs/heads/{github.branch}"),
            boundary_arn=bound.arn,
            managed_policy="ReadOnlyAccess",
            statements=plan(ground),
            max_session_seconds=_PLAN_SECONDS,
        )
        WorkflowRole(
            self,
            "deploy",
            name=names.role("deploy"),
            description=f"Deploys {environment.name} for {github.repository}, where GitHub's environment allows it",
            provider_arn=provider.arn,
            # GitHub's environment of that name decides who may run it, from which branch, after whose approval.
            subjects=(f"{subject}:environment:{environment.name}",),
            boundary_arn=bound.arn,
            managed_policy="PowerUserAccess",
            statements=deploy(ground),
            max_session_seconds=_DEPLOY_SECONDS,
        )
        for _ in environment.previews:
            WorkflowRole(
                self,
                "preview",
                name=names.role("preview"),
                description=f"Deploys previews of {environment.name} for {github.repository}, and destroys them",
                provider_arn=provider.arn,
                subjects=(f"{subject}:environment:{environment.name}-preview",),
                boundary_arn=bound.arn,
                managed_policy="PowerUserAccess",
                statements=preview(ground),
                max_session_seconds=_DEPLOY_SECONDS,
            )
