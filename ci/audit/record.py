"""The audit log of an environment: what a command adds to it, and whether it is whole."""

import getpass
import socket

from ci.audit import chain
from ci.audit.chain import Entry, Event, Flaw
from ci.audit.log import AuditLog
from ci.contracts import serving_contract, training_contract
from ci.errors import WorkError
from ci.kms_signer import KmsSigner
from ci.model_registry import versions
from ci.result import Result
from ci.site import Site
from infra.spec.contract import ServingContract

MOST_TOLD = 20


class AuditListing(Result):
    """Entries, the oldest first."""

    environment: str
    entries: tuple[Entry, ...]


class AuditVerification(Result):
    """How many entries there are, how many of them are signed, and what is wrong with which."""

    environment: str
    entries: int
    signed: int
    # The last entry that can be read.
    last: Entry | None
    flaws: tuple[Flaw, ...]


def record(site: Site, event: Event, *, model: str, version: str = "", facts: dict[str, str]) -> Entry:
    """Write down what became of a model. Who may not sign writes too: the next who signs vouches for it."""
    return _log(site).append(event, who=caller(site), model=model, version=version, facts=facts)


class History:
    """What the log tells of one model already: a release that is run again, or taken up, tells nothing twice."""

    def __init__(self, site: Site, model: str) -> None:
        self._site, self._model = site, model
        self._told = [(entry.event, entry.version, entry.facts) for entry in listed(site, model=model).entries]

    def tell(self, event: Event, *, version: str = "", facts: dict[str, str]) -> None:
        """Write down what became of the model, unless just that was written before."""
        if (event, version, facts) not in self._told:
            record(self._site, event, model=self._model, version=version, facts=facts)


def listed(site: Site, *, model: str | None = None) -> AuditListing:
    """Return what was written down, of all models or one."""
    entries = tuple(entry for entry in _log(site).entries() if model in (None, entry.model))
    return AuditListing(environment=site.name, entries=entries)


def verify(site: Site) -> AuditVerification:
    """Read every entry, hold it against its hash, its signature and its neighbours, and the registry against all."""
    log = _log(site)
    raw, head = log.raw(), log.head()
    keys = {_signer(site, *found).public_key_pem() for found in _signing_keys(site)}
    flaws = chain.flaws(raw, head, sorted(keys))
    entries = [entry for _, content in sorted(raw.items()) if (entry := chain.read(content))]
    told = {entry.version for entry in entries if entry.event == "registered"}
    for region, contract in _contracts(site):
        flaws += [
            Flaw(number=None, what=f"no entry tells that {version.model} {version.version} was registered")
            for version in versions(site, region, contract)
            if version.version not in told
        ]
    return AuditVerification(
        environment=site.name,
        entries=len(raw),
        signed=sum(bool(entry.signature) for entry in entries),
        last=entries[-1] if entries else None,
        flaws=tuple(flaws),
    )


def check(result: AuditVerification) -> None:
    """Raise `WorkError` where the log is not as it was written, with every entry that is not."""
    if result.flaws:
        first, *others = map(str, result.flaws)
        left_off = [f"and {len(others) - MOST_TOLD} more: groundplan audit verify {result.environment} --json"]
        raise WorkError(
            thing=f"audit log of environment {result.environment!r}",
            value=first,
            rule=f"({len(result.flaws)} found wrong, {result.entries} there)",
            fix="leave the bucket as it is: its old versions, and CloudTrail, tell who wrote there",
            details=others[:MOST_TOLD] + (left_off if len(others) > MOST_TOLD else []),
        )


def caller(site: Site) -> str:
    """Return who runs this command: whom AWS knows, or on an embedded cloud the user of this machine."""
    if site.endpoint_url:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    arn: str = site.client("sts").get_caller_identity()["Arn"]
    return arn


def _log(site: Site) -> AuditLog:
    signer = next((_signer(site, *found) for found in _signing_keys(site)), None)
    return AuditLog(site.client("s3"), training_contract(site).artifact_bucket, signer)


def _contracts(site: Site) -> list[tuple[str, ServingContract]]:
    """Return one contract of each model of each region, with the region's name."""
    found = {
        (region.name, endpoint.model): serving_contract(site, region, endpoint.name)
        for region in site.environment.regions
        for endpoint in region.endpoints
    }
    return [(region, contract) for (region, _), contract in found.items()]


def _signing_keys(site: Site) -> list[tuple[str, str]]:
    return list(dict.fromkeys((region, contract.signing_key_arn) for region, contract in _contracts(site)))


def _signer(site: Site, region: str, key_arn: str) -> KmsSigner:
    return KmsSigner(site.client("kms", region), key_arn)
