"""KMS signatures on elliptic curves: moto signs the base64 text of a message and hashes what is a digest already."""

from typing import Any

from infra.localcloud.operations import AwsError, Context, Payload, after, operation


@after("kms", "Sign")
def sign_what_was_sent(params: Payload, answer: Payload, context: Context) -> Payload:
    """Replace moto's signature by that of the message itself; moto has checked key and algorithm."""
    from cryptography.hazmat.primitives.asymmetric import ec

    key = _private_key(params, context)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return answer
    return answer | {"Signature": key.sign(params["Message"], _algorithm(params))}


@operation("kms", "Verify")
def verify(params: Payload, context: Context) -> Payload:
    """Check a signature of a message or of its digest."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec

    key = _private_key(params, context)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return context.forward(None)
    try:
        key.public_key().verify(params["Signature"], params["Message"], _algorithm(params))
    except InvalidSignature:
        raise AwsError("KMSInvalidSignatureException", "The signature is not valid.") from None
    return {"KeyId": _key(params, context).arn, "SignatureValid": True, "SigningAlgorithm": params["SigningAlgorithm"]}


def _key(params: Payload, context: Context) -> Any:
    from moto.kms.models import kms_backends

    return kms_backends[context.account][context.region].describe_key(params["KeyId"])


def _private_key(params: Payload, context: Context) -> object:
    return getattr(_key(params, context).private_key, "private_key", None)


def _algorithm(params: Payload) -> Any:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    known = {"ECDSA_SHA_256": hashes.SHA256(), "ECDSA_SHA_384": hashes.SHA384(), "ECDSA_SHA_512": hashes.SHA512()}
    if params["SigningAlgorithm"] not in known:
        raise AwsError("ValidationException", f"{params['SigningAlgorithm']} does not fit an elliptic curve key.")
    hashing = known[params["SigningAlgorithm"]]
    if params.get("MessageType", "RAW") != "DIGEST":
        return ec.ECDSA(hashing)
    if len(params["Message"]) != hashing.digest_size:
        raise AwsError("ValidationException", f"Digest is invalid length for algorithm {params['SigningAlgorithm']}.")
    return ec.ECDSA(Prehashed(hashing))
