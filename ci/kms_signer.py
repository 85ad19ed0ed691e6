"""Signs bundles with a key that never leaves AWS KMS."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class KmsSigner:
    """A `ml.release.signing.Signer` whose private key is in KMS."""

    def __init__(self, kms: "KMSClient", key_arn: str) -> None:
        self._kms = kms
        self._key_arn = key_arn

    def sign(self, digest: bytes) -> bytes:
        """Return the DER signature of a SHA-256 digest."""
        answer = self._kms.sign(
            KeyId=self._key_arn, Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
        )
        return answer["Signature"]

    def public_key_pem(self) -> str:
        """Return the key that checks the signatures."""
        from cryptography.hazmat.primitives import serialization

        key = serialization.load_der_public_key(self._kms.get_public_key(KeyId=self._key_arn)["PublicKey"])
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return key.public_bytes(serialization.Encoding.PEM, form).decode()
