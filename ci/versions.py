"""The versions of an environment's models: which there are, what they are worth, who decided, and where they serve."""

from typing import TYPE_CHECKING, Any

from ci import model_registry
from ci.audit.record import caller, record
from ci.contracts import endpoints_of
from ci.errors import CommandError
from ci.model_registry import RegisteredVersion, Status
from ci.result import Result
from ci.site import Site
from infra.spec.errors import nearest

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

WORDS: dict[Status, str] = {"Approved": "approved", "Rejected": "rejected", "PendingManualApproval": "pending"}


class VersionLine(Result):
    """A version in one region's registry, and the endpoints there that serve it."""

    version: RegisteredVersion
    endpoints: tuple[str, ...]


class VersionsResult(Result):
    """Versions, model by model and region by region, the newest first."""

    environment: str
    versions: tuple[VersionLine, ...]


class DecisionResult(Result):
    """A decision on a version, in every region that has it."""

    model: str
    version: str
    semantic_version: str
    status: Status
    by: str
    regions: tuple[str, ...]


def listed(site: Site, *, model: str | None = None) -> VersionsResult:
    """Return the versions of one model, or of all that endpoints are there for."""
    models = dict.fromkeys(spec.model for region in site.environment.regions for spec in region.endpoints)
    if model is not None and model not in models:
        fix = nearest(model, models, otherwise=f"there are {', '.join(models) or 'none'}")
        raise CommandError(thing="model", value=repr(model), rule=f"has no endpoint in {site.name!r}", fix=fix)
    chosen = [model] if model else list(models)
    return VersionsResult(environment=site.name, versions=tuple(line for name in chosen for line in _lines(site, name)))


def decide(site: Site, model: str, version: str, status: Status, *, why: str = "") -> DecisionResult:
    """Approve or reject a version, by the name of its content or its number, in all regions, and write it down."""
    found = find(site, model, version)
    approve(site, found, status, why=why)
    first = found[0]
    return DecisionResult(
        model=model,
        version=first.version,
        semantic_version=first.semantic_version,
        status=status,
        by=caller(site),
        regions=tuple(one.region for one in found),
    )


def find(site: Site, model: str, version: str | None = None) -> list[RegisteredVersion]:
    """Return a version in each region that has it, by the name of its content or its number; by default the newest."""
    lines = [line.version for line in listed(site, model=model).versions]
    wanted = version or (lines[0].version if lines else "")
    found = [line for line in lines if wanted in (line.version, line.semantic_version)]
    if not found:
        known = dict.fromkeys(line.semantic_version for line in lines)
        fix = nearest(wanted, known, otherwise=f"there are {', '.join(known) or 'none'}")
        raise CommandError(thing=f"version of {model!r}", value=repr(wanted), rule="is not registered", fix=fix)
    return found


def approve(site: Site, found: list[RegisteredVersion], status: Status = "Approved", *, why: str = "") -> None:
    """Decide on a version where that is not decided so yet; each decision is one entry of the audit log."""
    who = caller(site)
    for one in found:
        if one.status != status:
            model_registry.decide(site, one, status, f"by {who}" + (f": {why}" if why else ""))
            facts = {"semantic_version": one.semantic_version, "region": one.region} | ({"why": why} if why else {})
            event: Any = WORDS[status]
            record(site, event, model=one.model, version=one.version, facts=facts)


def _lines(site: Site, model: str) -> list[VersionLine]:
    lines = []
    by_region: dict[str, list[Any]] = {}
    for region, contract in endpoints_of(site, model):
        by_region.setdefault(region.name, []).append(contract)
    for region_name, contracts in by_region.items():
        serving = {contract.endpoint_name: _served(site, region_name, contract.endpoint_name) for contract in contracts}
        lines += [
            VersionLine(version=one, endpoints=tuple(name for name, uris in serving.items() if one.bundle in uris))
            for one in model_registry.versions(site, region_name, contracts[0])
        ]
    return lines


def _served(site: Site, region: str, endpoint: str) -> set[str]:
    """Return the S3 addresses of the bundles that an endpoint's variants serve; none before a release."""
    sagemaker: SageMakerClient = site.client("sagemaker", region)
    configuration = sagemaker.describe_endpoint_config(
        EndpointConfigName=sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    )
    models = [sagemaker.describe_model(ModelName=one["ModelName"]) for one in configuration["ProductionVariants"]]
    return {uri for model in models if (uri := model.get("PrimaryContainer", {}).get("ModelDataUrl"))}
