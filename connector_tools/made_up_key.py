"""A private key for settings of the type `pem` that are not set."""

from functools import cache


@cache
def made_up_key() -> str:
    """A new RSA key in PEM format, the same for the whole process."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - rarely needed
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - as above

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
