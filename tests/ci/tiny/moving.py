"""One stack by the toolkit itself, before and after its resources were renamed, taken over and let go of."""

from pathlib import Path
from typing import Any


def main(id: str, backend: dict[str, Any], version: str, out: Path) -> None:
    # Not at the top: it starts Node.
    from cdktf import App, DataResource, S3Backend, TerraformStack

    app = App(outdir=str(out))
    stack = TerraformStack(app, id)
    S3Backend(stack, **backend).add_override("use_lockfile", True)
    if version == "before":
        for name in ("old", "older", "left"):
            DataResource(stack, name, input={"is": name})
    else:
        DataResource(stack, "new", input={"is": "old"}).move_from_id("terraform_data.old")
        DataResource(stack, "newer", input={"is": "older"}).add_move_target("newer")
        DataResource(stack, "older", input={"is": "older"}).move_to("newer")
        DataResource(stack, "found").import_from("an-id")
        # The toolkit has no word for this.
        stack.add_override("removed", [{"from": "terraform_data.left", "lifecycle": {"destroy": False}}])
    app.synth()
