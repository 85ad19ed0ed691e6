"""Signatures: ECDSA on P-256 over a SHA-256 digest, as AWS KMS makes them with ECDSA_SHA_256."""

from pathlib import Path
from typing import Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from ml.errors import BundleError

ALGORITHM = ec.ECDSA(Prehashed(hashes.SHA256()))


class Signer(Protocol):
    """Who vouches for a bundle: a key in KMS, or one on this machine."""

    def sign(self, digest: bytes) -> bytes:
        """Return the DER signature of a SHA-256 digest."""
        ...

    def public_key_pem(self) -> str:
        """Return the key that checks the signatures."""
        ...


class LocalSigner:
    """A private key on this machine, for laptops and tests."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @classmethod
    def kept_at(cls, path: Path) -> Self:
        """Read the private key from a file, or make one there that only its owner can read."""
        if path.exists():
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise BundleError("signing key", str(path), "is no elliptic curve key", "remove it to have one made")
            return cls(key)
        key = ec.generate_private_key(ec.SECP256R1())
        pem, pkcs8, bare = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(key.private_bytes(pem, pkcs8, bare))
        return cls(key)

    def sign(self, digest: bytes) -> bytes:
        """Return the DER signature of a SHA-256 digest, always the same (RFC 6979): equal bundles stay equal."""
        return self._key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()), deterministic_signing=True))

    def public_key_pem(self) -> str:
        """Return the key that checks the signatures."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def is_signed_by(public_key_pem: str, digest: bytes, signature: bytes) -> bool:
    """Say whether the signature of a SHA-256 digest was made with the key that belongs to this public one."""
    fix = "give the public key of the pair that signed"
    try:
        key = serialization.load_pem_public_key(public_key_pem.encode())
    except ValueError as error:
        raise BundleError("public key", repr(public_key_pem[:40]), "is no PEM public key", fix) from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise BundleError("public key", type(key).__name__, "is no elliptic curve key", fix)
    try:
        key.verify(signature, digest, ALGORITHM)
    except InvalidSignature:
        return False
    return True
