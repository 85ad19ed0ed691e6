"""What is in an image, as the bill of materials that scanners and auditors read (CycloneDX)."""

from collections.abc import Mapping

from ci.images.catalogue import base, pins
from ci.workspace import Workspace


def bill_of_materials(
    image: str, workspace: Workspace, *, version: str, installed: Mapping[str, str] | None = None
) -> str:
    """Return an image's base and every distribution in it as CycloneDX JSON; `version` is the commit of our own code.

    Without what a build `installed` it is what the image's lists name, less what torch brings along. What Debian brings
    with the base is not listed: the base's digest says it, and the registry's scan reads it.
    """
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    name, _, digest = base(workspace).partition("@")
    name, _, tag = name.partition(":")
    beneath = Component(
        name=name,
        version=tag,
        type=ComponentType.CONTAINER,
        purl=PackageURL("oci", None, name.rpartition("/")[2], digest, {"tag": tag}),
    )
    distributions = [
        Component(
            name=distribution,
            version=pinned,
            type=ComponentType.LIBRARY,
            purl=PackageURL("pypi", None, distribution, pinned),
        )
        for distribution, pinned in sorted((installed or pins(image, workspace)).items())
    ]
    whole = Component(name=f"groundplan/{image}", version=version, type=ComponentType.CONTAINER)
    bill = Bom(components=[beneath, *distributions])
    bill.metadata.component = whole
    bill.register_dependency(whole, [beneath, *distributions])
    return str(JsonV1Dot6(bill).output_as_string(indent=2)) + "\n"
