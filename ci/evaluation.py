"""What was found out about a version before it was registered, read back from its signed bundle."""

import tempfile
from pathlib import Path

from pydantic import TypeAdapter

from ci import versions
from ci.artifacts import fetch_archive
from ci.contracts import endpoints_of
from ci.errors import CommandError
from ci.kms_signer import KmsSigner
from ci.model_registry import RegisteredVersion
from ci.result import Result
from ci.site import Site
from ml.evaluation.report import FILE, Evaluation


class EvaluationResult(Result):
    """A version and its evaluation."""

    version: RegisteredVersion
    evaluation: Evaluation


def read(content: Path) -> Evaluation | None:
    """Return the evaluation in the content of a bundle; None where none was made."""
    file = content / FILE
    return TypeAdapter(Evaluation).validate_json(file.read_bytes()) if file.is_file() else None


def of(site: Site, model: str, version: str | None = None) -> EvaluationResult:
    """Return the evaluation of a version, by default of the newest; its bundle is held against its signature."""
    from ml.release import bundle

    found = versions.find(site, model, version)[0]
    contract = next(contract for region, contract in endpoints_of(site, model) if region.name == found.region)
    with tempfile.TemporaryDirectory() as scratch:
        content = fetch_archive(site, found.bundle, Path(scratch) / "bundle", region=found.region)
        key = KmsSigner(site.client("kms", found.region), contract.signing_key_arn)
        bundle.verify(content, key.public_key_pem())
        evaluation = read(content)
    if evaluation is None:
        raise CommandError(
            thing=f"model {model!r} {found.semantic_version}",
            value="no evaluation",
            rule="is in its bundle: it names no labels, or is older than evaluations",
            fix=f"optimize and release it again: groundplan optimize {site.name} {model}",
        )
    return EvaluationResult(version=found, evaluation=evaluation)
