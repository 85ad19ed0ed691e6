"""An environment and the AWS that it lives on: the embedded cloud that runs, or an account."""

import os
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ci.child_environment import child_environment
from ci.errors import CommandError, StoppedCloudError
from ci.workspace import Workspace
from infra.spec import AwsAccount, EmbeddedCloud, Environment, RegionSpec

if TYPE_CHECKING:
    import boto3

# Threads that want the same client would each read its service's description, a second of work.
_MAKING = threading.Lock()
# What every embedded cloud takes for an identity.
TEST_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@dataclass(frozen=True)
class Site:
    """What commands act on: an environment, where it is reached, and where this checkout keeps its papers."""

    environment: Environment
    workspace: Workspace
    # None where the AWS is AWS itself.
    endpoint_url: str | None
    # How long to wait where nobody answers (ci/patience.py); None: as long as botocore does, and as often.
    patience_seconds: float | None = None

    @classmethod
    def reach(cls, name: str, workspace: Workspace | None = None) -> "Site":
        """Return the site of the environment `name`; raise when there is none, or its cloud is not running."""
        import environments

        return cls.of(environments.load(name), workspace or Workspace())

    @classmethod
    def of(cls, environment: Environment, workspace: Workspace, *, patience_seconds: float | None = None) -> "Site":
        """Return the site of `environment`, whether a file holds it or not; raise when its cloud is not running."""
        return cls(environment, workspace, _endpoint(environment, workspace), patience_seconds)

    @property
    def name(self) -> str:
        """The environment's name."""
        return self.environment.name

    @property
    def home_region(self) -> RegionSpec:
        """The first region, where an environment trains and keeps what it has only once."""
        return self.environment.regions[0]

    def check_credentials(self, command: str) -> None:
        """Raise before any work where `command` could not ask AWS for a thing; an embedded cloud takes anybody."""
        import boto3

        if self.endpoint_url is None and boto3.Session().get_credentials() is None:
            without = f"; or, without an account: groundplan plan {self.name} --from-nothing"
            raise CommandError(
                thing=f"{command} of environment {self.name!r}",
                value="no AWS credentials",
                rule="are at hand",
                fix="sign in first, for example with: aws sso login" + (without if command == "plan" else ""),
            )

    def variables(self, region: str | None = None) -> dict[str, str]:
        """Return the variables that point a child, such as Terraform, at this AWS."""
        where = {"AWS_REGION": region or self.home_region.name, "AWS_DEFAULT_REGION": region or self.home_region.name}
        if self.endpoint_url is None:
            return child_environment(where)
        # None of the laptop's own AWS settings may leak in: profiles, endpoints of single services, tokens.
        hermetic = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        here = {"AWS_ENDPOINT_URL": self.endpoint_url, "AWS_EC2_METADATA_DISABLED": "true"}
        return child_environment(where | TEST_CREDENTIALS | here | hermetic, forget=("AWS_",))

    def client(self, service: str, region: str | None = None) -> Any:
        """Return the boto3 client of this AWS, made once; callers annotate it with the service's own type."""
        where = service, region or self.home_region.name
        with _MAKING:
            if where not in self._clients:
                self._clients[where] = self._new_client(*where)
            return self._clients[where]

    def _new_client(self, service: str, region: str, session: "boto3.Session | None" = None) -> Any:
        from botocore.config import Config

        from ci.patience import give_up_soon

        # An empty mapping, not None: no proxy of the laptop stands between us and 127.0.0.1.
        config = (
            Config(proxies={}, retries={"mode": "standard"})
            if self.endpoint_url
            else Config(retries={"mode": "adaptive"})
        )
        if seconds := self.patience_seconds:
            config = config.merge(Config(connect_timeout=seconds, read_timeout=seconds))
        client: Any = (session or self._session).client(  # type: ignore[call-overload]
            service, region_name=region, endpoint_url=self.endpoint_url, config=config
        )
        if seconds:
            give_up_soon(client, seconds)
        return client

    @cached_property
    def _clients(self) -> dict[tuple[str, str], Any]:
        """The clients there are: one takes 0.1 s to make, and may be shared by threads."""
        return {}

    @cached_property
    def _session(self) -> "boto3.Session":
        import boto3
        import botocore.session

        if self.endpoint_url:
            silent = {
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, os.devnull, None),
            }
            core = botocore.session.Session(session_vars=silent)
            return boto3.Session("test", "test", botocore_session=core)
        return self._assumed(boto3.Session())

    def _assumed(self, session: "boto3.Session") -> "boto3.Session":
        """Return a session in the role that the environment names, or the credentials at hand where it names none."""
        import boto3

        target = self.environment.target
        if not isinstance(target, AwsAccount) or target.role_arn is None:
            return session
        sts = self._new_client("sts", self.home_region.name, session)
        answer = sts.assume_role(RoleArn=target.role_arn, RoleSessionName="groundplan")["Credentials"]
        return boto3.Session(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])


def _endpoint(environment: Environment, workspace: Workspace) -> str | None:
    match environment.target:
        case EmbeddedCloud(name=name):
            from infra import localcloud

            if record := localcloud.find(name, workspace.home):
                return record.url
            flag = "" if name == "default" else f" --name {name}"
            raise StoppedCloudError(
                thing=f"environment {environment.name!r}",
                value=f"embedded cloud {name!r}",
                rule="is not running",
                fix=f"start it: groundplan cloud start{flag}",
            )
        case AwsAccount():
            return None
