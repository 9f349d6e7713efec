"""Signs push requests as Google does, and shows the certificates that prove it.

The Pub/Sub emulator pushes without a token; `SigningRelay` stands between it and the function and
adds the one that Google's own service would have put there.
"""

import datetime
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import crypt, jwt

ACCOUNT = "push@demo.iam.gserviceaccount.com"
AUDIENCE = "https://connector.test/pubsub"


class GoogleSigner:
    """A key of Google's, its certificate, and tokens signed with it."""

    def __init__(self, key_id: str = "key-1") -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "google.test")])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1))
        certificate = builder.not_valid_after(now + datetime.timedelta(days=1)).sign(
            key, hashes.SHA256()
        )
        self.certificates = {key_id: certificate.public_bytes(serialization.Encoding.PEM).decode()}
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self._signer = crypt.RSASigner.from_string(pem, key_id)  # type: ignore[no-untyped-call]

    def token(self, **changes: Any) -> str:
        """A token that the function accepts, but for the changes."""
        now = int(time.time())
        claims = {
            "iss": "https://accounts.google.com",
            "aud": AUDIENCE,
            "email": ACCOUNT,
            "email_verified": True,
            "sub": "1234567890",
            "iat": now,
            "exp": now + 3600,
        } | changes
        signed = jwt.encode(self._signer, claims)  # type: ignore[no-untyped-call]
        return str(signed.decode())


class SigningRelay:
    """Serves the certificates at `/certs`, and hands posts on to the function, signed.

    It waits for the first target. `close` it before the function ends, whose port can go to another
    program: then posts wait for the next target. The emulator forgets a message now and then that
    fails twice in a row.
    """

    def __init__(self, signer: GoogleSigner) -> None:
        relay = self
        self.signer = signer
        self.target = ""
        self._open = threading.Event()
        self.statuses: list[int] = []
        self.acknowledged: set[str] = set()  # ids of the messages; Pub/Sub can push one twice

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited
                """Be quiet."""

            def do_GET(self) -> None:
                self._reply(200, json.dumps(signer.certificates).encode())

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status, content = relay.hand_on(body)
                self._reply(status, content)

            def _reply(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._client = httpx.Client(trust_env=False, timeout=10)

    def open(self, target: str) -> None:
        """Hand posts on to this URL."""
        self.target = target
        self._open.set()

    def close(self) -> None:
        """Let posts wait for the next target."""
        self._open.clear()

    def hand_on(self, body: bytes) -> tuple[int, bytes]:
        self._open.wait(60)
        headers = {"Authorization": f"Bearer {self.signer.token()}"}
        try:
            response = self._client.post(self.target, content=body, headers=headers)
        except httpx.TransportError:
            self.statuses.append(0)
            return 503, b""
        if response.is_success:
            self.acknowledged.add(json.loads(body)["message"]["messageId"])
        self.statuses.append(response.status_code)
        return response.status_code, response.content

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._client.close()
