"""A bundle: a model's files, a manifest with the hash of each, and a signature over the manifest.

`pack` writes them as one archive, the same bytes for the same content and key (KMS signs with chance in it, a local key
without). The platform unpacks it; a server or a device calls `verify` on the folder before it reads anything else.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from ml.data.sources import sha256_of
from ml.errors import BundleError
from ml.release import archive
from ml.release.signing import Signer, is_signed_by

MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
FETCH_AGAIN = "fetch the bundle again, or release the model again"


@dataclass(frozen=True, kw_only=True)
class BundleManifest:
    """What a bundle holds: whose model, its version (which names the content), and the SHA-256 of each file."""

    model: str
    version: str
    files: dict[str, str]


def pack(content: Path, signer: Signer, out: Path) -> BundleManifest:
    """Write what an optimization job left in `content` as a signed archive; the folder stays as it is."""
    card = content / "card.json"
    if not card.is_file():
        raise BundleError("bundle content", str(content), "lacks card.json", "give an optimization job's output")
    paths = {name: content / name for name in _names(content)}
    files = {name: sha256_of(path) for name, path in paths.items()}
    version = hashlib.sha256(json.dumps(files).encode()).hexdigest()[:12]
    manifest = BundleManifest(model=json.loads(card.read_text())["name"], version=version, files=files)
    described = json.dumps(asdict(manifest), indent=2).encode()
    signature = signer.sign(hashlib.sha256(described).digest())
    archive.pack({**paths, MANIFEST: described, SIGNATURE: signature}, out)
    return manifest


def verify(folder: Path, public_key_pem: str) -> BundleManifest:
    """Return the manifest of an unpacked bundle if every byte of it is what the owner of the key signed."""
    for name in (MANIFEST, SIGNATURE):
        if not (folder / name).is_file():
            raise BundleError(
                f"bundle {str(folder)!r}", name, "is missing: the model is not signed", "release the model"
            )
    described = (folder / MANIFEST).read_bytes()
    if not is_signed_by(public_key_pem, hashlib.sha256(described).digest(), (folder / SIGNATURE).read_bytes()):
        rule = f"and {SIGNATURE} do not belong together under this public key"
        raise BundleError(f"bundle {str(folder)!r}", MANIFEST, rule, FETCH_AGAIN)
    manifest = BundleManifest(**json.loads(described))
    present, listed = set(_names(folder)), set(manifest.files)
    if present != listed:
        which = f"missing {sorted(listed - present)}, unlisted {sorted(present - listed)}"
        raise BundleError(f"bundle {str(folder)!r}", which, f"are not the files that {MANIFEST} lists", FETCH_AGAIN)
    damaged = _damaged(folder, manifest)
    if damaged:
        raise BundleError(
            f"bundle {str(folder)!r}", ", ".join(damaged), "is damaged: its hash is not the signed one", FETCH_AGAIN
        )
    return manifest


def _damaged(folder: Path, manifest: BundleManifest) -> list[str]:
    return [name for name, expected in manifest.files.items() if sha256_of(folder / name) != expected]


def _names(folder: Path) -> Iterable[str]:
    """Name the files of a folder but for those that packing adds, sorted."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    return [name for name in names if name not in (MANIFEST, SIGNATURE)]
