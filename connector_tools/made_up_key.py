"""Private keys with their certificates, for settings that are not set and for stand-ins."""

from datetime import UTC, datetime, timedelta
from functools import cache


@cache
def made_up_key() -> str:
    """An RSA key and a certificate for it in PEM format, the same for the whole process."""
    return new_key()


def new_key() -> str:
    """A new RSA key and a certificate for it in PEM format."""
    from cryptography import x509  # noqa: PLC0415 - rarely needed
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415 - as above

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "made up")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    dated = builder.not_valid_before(now).not_valid_after(now + timedelta(days=365))
    certificate = dated.sign(key, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return (secret + certificate.public_bytes(serialization.Encoding.PEM)).decode()
