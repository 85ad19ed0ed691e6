"""What a version passes before it may serve: its own figures, a signature that holds, a decision. All is written down.

A refusal is an entry of the audit log too: who tried to release what, and why it was not let through.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ci import evaluation, gate, model_registry, versions
from ci.artifacts import fetch_archive
from ci.audit.record import History
from ci.errors import GateError
from ci.model_registry import Package
from ci.site import Site
from infra.spec.contract import ServingContract
from ml.errors import BundleError

MISSING = {"404", "NoSuchKey"}


def judge(model: str, job: str, content: Path, history: History) -> dict[str, Any]:
    """Return the report of an optimization job if nothing in it speaks against a release; raise `GateError` if not."""
    report, run = (json.loads((content / name).read_text()) for name in ("report.json", "run.json"))
    origin = {"data": run["data"]["version"], "recipe": run["recipe"]["name"], "code": str(run["git"])}
    history.tell("trained", facts={"job": str(run["job"]), **origin})
    made = {"job": job, "recipe": str(report.get("optimization")), "accuracy": f"{report['accuracy']:.4f}"}
    history.tell("optimized", facts=made)
    labels = json.loads((content / "signature.json").read_text())["labels"]
    try:
        gate.check(model, report, evaluation.read(content), has_labels=bool(labels))
    except GateError as refused:
        history.tell("refused", facts={"job": job, "why": str(refused)})
        raise
    return dict(report)


def enter(
    site: Site, region: str, contract: ServingContract, content: Path, *, job: str, number: str | None, history: History
) -> Package:
    """Register what passed the gate; a bundle that lay there already must still be the one that was signed."""
    package = model_registry.register(site, region, contract, content, job=job, number=number)
    facts = {"semantic_version": package.semantic_version, "region": region, "job": job}
    history.tell("registered", version=package.version, facts=facts)
    if not package.is_new:
        try:
            _check_stored(site, region, package)
        except BundleError as error:
            history.tell("refused", version=package.version, facts={**facts, "why": str(error)})
            raise GateError(
                thing=f"bundle of {contract.model!r} {package.semantic_version}",
                value=package.bundle,
                rule=f"is not the one that was registered: {error.thing}: {error.value} {error.rule}",
                fix="find who wrote there (groundplan audit list), and restore the object's older version",
            ) from error
    return package


def clear(
    site: Site, region: str, contract: ServingContract, package: Package, *, approve: bool, history: History
) -> bool:
    """Say whether a version is approved, after approving it if that is asked; raise when somebody rejected it."""
    known = model_registry.versions(site, region, contract)
    (version,) = (one for one in known if one.version == package.version)
    if version.status == "Rejected":
        facts = {"semantic_version": version.semantic_version, "region": region, "why": f"rejected {version.decision}"}
        history.tell("refused", version=version.version, facts=facts)
        raise GateError(
            thing=f"model {contract.model!r} {version.semantic_version}",
            value="rejected",
            rule=f"is what was decided in {region}: {version.decision}",
            fix=f"to decide otherwise: groundplan models approve {site.name} {contract.model} {version.version}",
        )
    if approve:
        versions.approve(site, [version])
    return approve or version.status == "Approved"


def undecided(site: Site, model: str, package: Package, regions: list[str], history: History) -> GateError:
    """Return, and write down, why a version is not released that nobody has decided on in those regions."""
    number, where = package.semantic_version, ", ".join(regions)
    facts = {"semantic_version": number, "region": where, "why": "awaits approval"}
    history.tell("refused", version=package.version, facts=facts)
    return GateError(
        thing=f"model {model!r} {number}",
        value="pending",
        rule=f"is how it stands in {where}: nobody approved it, and nothing was released",
        fix=f"decide: groundplan models approve {site.name} {model} {number}; then start this again, or another --job",
    )


def _check_stored(site: Site, region: str, package: Package) -> None:
    """Raise `BundleError` unless the bundle in S3 is whole, signed, and of this very version."""
    from ml.release import bundle

    with tempfile.TemporaryDirectory() as scratch:
        try:
            folder = fetch_archive(site, package.bundle, Path(scratch) / "bundle", region=region)
        except ClientError as error:
            if error.response["Error"]["Code"] not in MISSING:
                raise
            raise BundleError("bundle", package.bundle, "is not there any more", "restore it") from error
        found = bundle.verify(folder, package.public_key_pem).version
    if found != package.version:
        raise BundleError("bundle", f"version {found}", f"is signed, but is not {package.version}", "restore it")
