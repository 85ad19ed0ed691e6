"""Where Terraform gets its providers from: a folder on this machine if there is one, else the public registry.

The AWS provider is 700 MB. Terraform is told in a configuration file of ours, never in the user's own.
"""

from collections.abc import Iterator
from pathlib import Path

from ci.child_environment import user_folder
from ci.errors import MissingToolError
from ci.workspace import Workspace

AWS = Path("registry.terraform.io") / "hashicorp" / "aws"
# What stacks require: the version that the bindings in pyproject.toml were made from.
VERSION = "5.100.0"


def find_mirror(chosen: Path | None, root: Path) -> Path | None:
    """Return the first folder that mirrors the AWS provider, or None where the public registry must do.

    `chosen` is what the user named and is taken or refused, never passed over.
    """
    if chosen is not None:
        if not (chosen / AWS).is_dir():
            raise MissingToolError(
                thing="provider mirror",
                value=str(chosen),
                rule=f"holds no {AWS}",
                fix="name a folder that `terraform providers mirror` filled, or leave the option out",
            )
        return chosen
    return next((folder for folder in _usual_folders(root) if (folder / AWS).is_dir()), None)


def held(folder: Path) -> list[str]:
    """Return the versions of the AWS provider in a mirror or a cache, with their platforms: `5.100.0_linux_amd64`.

    Each is a folder, as Terraform unpacks it, or the archive that `terraform providers mirror` fetched.
    """
    unpacked = {f"{found.parent.name}_{found.name}" for found in (folder / AWS).glob("*/*") if found.is_dir()}
    before, after = "terraform-provider-aws_", ".zip"
    packed = (found.name for found in (folder / AWS).glob(f"{before}*{after}"))
    return sorted(unpacked | {name.removeprefix(before).removesuffix(after) for name in packed})


def _usual_folders(root: Path) -> Iterator[Path]:
    """Yield Terraform's own implied mirrors, then what an administrator put beside other add-on software."""
    yield root / "terraform.d" / "plugins"
    yield Path.home() / ".terraform.d" / "plugins"
    yield Path(user_folder("XDG_DATA_HOME", str(Path.home() / ".local" / "share"))) / "terraform" / "plugins"
    for folder in user_folder("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(":"):
        yield Path(folder) / "terraform" / "plugins"
    for found in sorted((Path("/") / "opt").glob(f"*/{AWS}")):
        yield found.parents[len(AWS.parts) - 1]


def write_configuration(workspace: Workspace) -> Path:
    """Write Terraform's configuration into the workspace and return its path, for TF_CLI_CONFIG_FILE."""
    mirror = find_mirror(workspace.provider_mirror, workspace.root)
    workspace.plugins.mkdir(parents=True, exist_ok=True)
    text = f'plugin_cache_dir = "{workspace.plugins}"\n'
    if mirror:
        # Left in `direct` too, Terraform would ask the registry for newer versions and fail where there is no network.
        held = ", ".join(f'"{name}"' for name in _providers_in(mirror))
        text += (
            "provider_installation {\n"
            f'  filesystem_mirror {{\n    path    = "{mirror.resolve()}"\n    include = [{held}]\n  }}\n'
            f"  direct {{\n    exclude = [{held}]\n  }}\n"
            "}\n"
        )
    path = workspace.home / "terraform.rc"
    if not path.exists() or path.read_text() != text:
        draft = path.with_suffix(".draft")
        draft.write_text(text)
        draft.replace(path)
    return path


def _providers_in(mirror: Path) -> list[str]:
    return sorted(folder.relative_to(mirror).as_posix() for folder in mirror.glob("*/*/*") if folder.is_dir())
