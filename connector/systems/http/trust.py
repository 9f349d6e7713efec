"""The authorities whose certificates are accepted: those of the machine, or of the environment.

OpenSSL reads `SSL_CERT_FILE` and `SSL_CERT_DIR` itself and says nothing if it cannot. Then no
certificate is trusted and every event fails, so the start looks at them, too.
"""

import os
import ssl
from collections.abc import Iterator


def trust() -> ssl.SSLContext:
    """Trust in the authorities of the machine, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`."""
    return ssl.create_default_context()


def trust_problems() -> Iterator[str]:
    """Yield what is wrong with `SSL_CERT_FILE` and `SSL_CERT_DIR`; a start calls this."""
    names = ssl.get_default_verify_paths()
    file, folders = os.environ.get(names.openssl_cafile_env), names.openssl_capath_env
    if file:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except OSError:  # ssl.SSLError is one
            rule = "must be a file of certificates in PEM format that this user can read"
            yield f"{names.openssl_cafile_env}: {rule}"
    if (given := os.environ.get(folders)) and not any(map(os.path.isdir, given.split(os.pathsep))):
        yield f"{folders}: must be a directory with certificates"
