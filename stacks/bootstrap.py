"""What an environment stands on before its first deploy: the bucket of its state, and the roles of its workflows."""

from functools import partial

from infra.bucket import Bucket
from infra.key import EncryptionKey
from infra.naming import Names
from infra.spec import Environment, GithubSpec, GitlabSpec
from infra.toolkit import Construct, Stack
from infra.workflow_permissions import Ground, boundary, deploy, plan, preview, reap
from infra.workflow_trust import GITHUB, Boundary, Issuer, WorkflowRole

# As long as GitHub lets a job take.
_DEPLOY_SECONDS = 6 * 3600


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
        payers = [one.reader_arn for one in environment.budget.payers if one.reader_arn]
        ground = Ground(names, [one.name for one in environment.regions], state.arn, key.arn, payers)
        for github in environment.repositories:
            self._roles(github, ground, environment)
        for gitlab in environment.gitlab_projects:
            self._pipeline_role(gitlab, ground, environment)

    def _roles(self, github: GithubSpec, ground: Ground, environment: Environment) -> None:
        names, takers = ground.names, github.takers(environment.name)
        bound = Boundary(self, "workflows", name=names.role("workflows"), statements=boundary(ground))
        issuer = Issuer(self, "github", host=GITHUB, made=github.provider == "made")
        role = partial(WorkflowRole, self, names=names, issuer=issuer, boundary_arn=bound.arn)
        whose = f"{environment.name} for {github.repository}"
        role(
            "plan",
            description=f"Plans {whose}; reads and changes nothing",
            takers=takers["plan"],
            managed_policy="ReadOnlyAccess",
            statements=plan(ground),
        )
        role(
            "deploy",
            description=f"Deploys {whose}, where GitHub's environment allows it, from one branch",
            takers=takers["deploy"],
            managed_policy="PowerUserAccess",
            statements=deploy(ground),
            max_session_seconds=_DEPLOY_SECONDS,
        )
        role(
            "reap",
            description=f"Ends what is over of {whose}; nobody is there to approve at night",
            takers=takers["reap"],
            managed_policy="ReadOnlyAccess",
            statements=reap(ground),
        )
        for _ in environment.previews:
            role(
                "preview",
                description=f"Deploys previews of {whose}, and destroys them",
                takers=takers["preview"],
                managed_policy="PowerUserAccess",
                statements=preview(ground),
                max_session_seconds=_DEPLOY_SECONDS,
            )

    def _pipeline_role(self, gitlab: GitlabSpec, ground: Ground, environment: Environment) -> None:
        """GitLab's pipelines plan and do not deploy: its word tells neither a merge request nor an approval."""
        WorkflowRole(
            self,
            "pipelines",
            names=ground.names,
            description=f"Plans {environment.name} for {gitlab.project}; reads and changes nothing",
            issuer=Issuer(self, "gitlab", host=gitlab.host, made=gitlab.provider == "made"),
            any_branch=(f"project_path:{gitlab.project}:ref_type:branch:ref:",),
            boundary_arn=Boundary(
                self, "pipelines_boundary", name=ground.names.role("pipelines"), statements=boundary(ground)
            ).arn,
            managed_policy="ReadOnlyAccess",
            statements=plan(ground),
        )
