"""What KMS signs can be checked by anybody who has the public key: moto's own signatures cannot."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

MESSAGE = b"a bundle's manifest"
ECDSA = {"SigningAlgorithm": "ECDSA_SHA_256"}


@pytest.fixture
def kms(client: Callable[..., Any]) -> Any:
    return client("kms")


@pytest.fixture
def key(kms: Any) -> str:
    return str(kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["KeyId"])


@pytest.mark.parametrize(("kind", "sent"), [("RAW", MESSAGE), ("DIGEST", hashlib.sha256(MESSAGE).digest())])
def test_a_signature_holds_outside_of_kms(kms: Any, key: str, kind: str, sent: bytes) -> None:
    signature = kms.sign(KeyId=key, Message=sent, MessageType=kind, **ECDSA)["Signature"]
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(signature, MESSAGE, ec.ECDSA(hashes.SHA256()))
    checked = kms.verify(KeyId=key, Message=sent, MessageType=kind, Signature=signature, **ECDSA)
    assert checked["SignatureValid"]


def test_another_message_is_not_what_was_signed(kms: Any, key: str) -> None:
    signature = kms.sign(KeyId=key, Message=MESSAGE, **ECDSA)["Signature"]
    with pytest.raises(ClientError, match="KMSInvalidSignatureException"):
        kms.verify(KeyId=key, Message=MESSAGE + b"!", Signature=signature, **ECDSA)


def test_a_digest_has_the_length_of_its_hash(kms: Any, key: str) -> None:
    with pytest.raises(ClientError, match="Digest is invalid length"):
        kms.sign(KeyId=key, Message=MESSAGE, MessageType="DIGEST", **ECDSA)
