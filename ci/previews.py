"""The previews of an environment: which stand, until when, and the end of those whose time is over."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import environments
from ci.destroy import destroy
from ci.errors import WorkError
from ci.progress import QUIET, Progress
from ci.result import Result
from ci.site import Site
from ci.state import StateStore
from ci.undeclared import UndeclaredStack
from infra.spec import PREVIEW
from infra.spec.errors import GroundplanError


class Preview(Result):
    """What a pull request has: deployed last, and destroyed when."""

    environment: str
    pull_request: int
    deployed_at: datetime
    ends_at: datetime


class Previews(Result):
    """All previews of an environment that stand, and those that were destroyed just now."""

    environment: str
    standing: tuple[Preview, ...]
    destroyed: tuple[str, ...] = ()


def previews(site: Site) -> Previews:
    """Return the previews that stand: they keep their state in the bucket of the environment that they are of."""
    return Previews(environment=site.name, standing=tuple(_standing(site)))


def reap(site: Site, *, now: datetime | None = None, progress: Progress = QUIET) -> Previews:
    """Destroy each preview whose time is over, by the code at hand.

    Raises `WorkError` at the end where one could not be destroyed, for whatever reason: it keeps no other standing.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    standing, destroyed, failed = list(_standing(site)), [], []
    for preview in standing:
        if preview.ends_at > (now or datetime.now(UTC)):
            continue
        progress.say(f"{preview.environment}: its time was over at {preview.ends_at:%Y-%m-%d %H:%M} UTC")
        try:
            own = Site.of(environments.load(preview.environment), site.workspace)
            left = destroy(own, progress=progress).undeclared
        except (GroundplanError, BotoCoreError, ClientError) as error:
            failed.append(f"{preview.environment}: {error}")
            progress.say(f"{preview.environment} is still there: {error}")
            continue
        failed += [f"{preview.environment}: {_not_by_this_code(preview, left)}"] if left else []
        destroyed += [] if left else [preview.environment]
    if failed:
        value, fix = f"{len(failed)} of {len(standing)}", "mend what follows, then run this again"
        raise WorkError(thing=f"previews of {site.name!r}", value=value, rule="still stand", fix=fix, details=failed)
    left_standing = tuple(preview for preview in standing if preview.environment not in destroyed)
    return Previews(environment=site.name, standing=left_standing, destroyed=tuple(destroyed))


def _not_by_this_code(preview: Preview, left: Sequence[UndeclaredStack]) -> str:
    """Say how it goes. GitHub keeps a pull request's last commit when its branch is deleted."""
    rule = f"this code lacks the providers of {', '.join(one.stack for one in left)}"
    fetch = f"git fetch origin pull/{preview.pull_request}/head && git checkout FETCH_HEAD"
    return f"{rule}; take the pull request's: {fetch}, and groundplan destroy {preview.environment}"


def _standing(site: Site) -> Iterator[Preview]:
    last: dict[int, datetime] = {}
    for key, changed in StateStore(site).states():
        if found := re.match(rf"{site.name}{PREVIEW}([1-9]\d*)/", key):
            number = int(found[1])
            last[number] = max(changed, last.get(number, changed))
    for number, deployed_at in sorted(last.items()):
        for spec in site.environment.previews:
            name = f"{site.name}{PREVIEW}{number}"
            ends_at = deployed_at + timedelta(hours=spec.ttl_hours)
            yield Preview(environment=name, pull_request=number, deployed_at=deployed_at, ends_at=ends_at)
