"""Which images there are, what each is called in an environment's registry, and what all are built on."""

import re

from ci.errors import CommandError
from ci.result import Result
from ci.workspace import Workspace
from infra.naming import Names
from infra.spec import ClusterSpec, Environment
from infra.spec.errors import nearest

# Each with the lists of what is installed in it.
IMAGES = {
    "train": ("train.txt",),
    "ray": ("train.txt", "ray.txt"),
    "serve": ("serve.txt",),
    "edge": ("serve.txt",),
}
# The target beside each that hands out what was installed in it.
CONTENTS = "-contents"
# The one that runs on machines of several kinds, and so is an index of one image for each.
PLATFORMS = {"edge": ("linux/amd64", "linux/arm64")}
FOLDER = "ml/images"
DOCKERFILE, BASE = f"{FOLDER}/Dockerfile", f"{FOLDER}/base.txt"
_PINNED = re.compile(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}")


class Beneath(Result):
    """What images are built on, and what the same tag means in its registry now."""

    pinned: str
    newest: str

    @property
    def current(self) -> bool:
        """Whether it is the same."""
        return self.pinned == self.newest


def known(image: str) -> str:
    """Return the name of an image; raise `CommandError` where it is none."""
    if image not in IMAGES:
        fix = nearest(image, list(IMAGES), otherwise=f"there are {', '.join(IMAGES)}")
        raise CommandError(thing="image", value=repr(image), rule=f"is no target of {DOCKERFILE}", fix=fix)
    return image


def base(workspace: Workspace) -> str:
    """Return what all images are built on; raise `CommandError` where that is not pinned by its digest."""
    lines = [line for line in (workspace.root / BASE).read_text().splitlines() if line and not line.startswith("#")]
    if len(lines) != 1 or not _PINNED.fullmatch(lines[0]):
        raise CommandError(
            thing=BASE,
            value=repr(lines[0] if lines else ""),
            rule="is not one image:tag@sha256:digest, and a tag may be moved",
            fix="ask the registry for it: groundplan images base",
        )
    return lines[0]


def pins(image: str, workspace: Workspace) -> dict[str, str]:
    """Return what is installed in an image: distribution → version."""
    texts = [(workspace.root / FOLDER / name).read_text() for name in IMAGES[known(image)]]
    return listed("\n".join(texts))


def listed(text: str) -> dict[str, str]:
    """Return what a list of pins names: distribution → version."""
    pairs = (line.split("==") for line in text.splitlines() if line and not line.startswith("#"))
    # As an index knows it: two lists may spell one name in two ways.
    return {name.lower().replace("_", "-"): version for name, version in pairs}


def platforms(image: str) -> tuple[str, ...]:
    """Return the machines that an image runs on."""
    return PLATFORMS.get(image, ("linux/amd64",))


def tag(image: str, environment: Environment) -> str:
    """Return the tag of an image in an environment's repositories: its stacks ask for just that."""
    clusters = [cluster for region in environment.regions for cluster in region.clusters]
    ray = clusters[0].ray_version if clusters else ClusterSpec.model_fields["ray_version"].default
    name = f"{known(image)}-{ray}" if image == "ray" else image
    return f"{environment.image_tag}-{name}"


def repositories(environment: Environment) -> dict[str, str]:
    """Return where an environment's images lie: region → the name of the repository there."""
    return {region.name: Names.of(environment, region.name).regional("ml") for region in environment.regions}
