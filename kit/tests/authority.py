"""A time-stamping authority (RFC 3161) on this machine: openssl behind an HTTP server."""

import subprocess
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.x509 import Certificate, load_pem_x509_certificate

CONFIGURATION = """
[ req ]
distinguished_name = name
prompt = no
[ name ]
CN = Test authority
[ root ]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[ signer ]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[ tsa ]
default_tsa = here
[ here ]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""
NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config c.cnf"
ROOT = f"req -x509 {NEW_KEY} -days 30 -keyout root.key -out root.pem -extensions root -subj /CN=R"
REQUEST = f"req -new {NEW_KEY} -keyout signer.key -out signer.csr"
ISSUED_BY = "-CA root.pem -CAkey root.key -CAcreateserial -days 30"
SIGNER = f"x509 -req -in signer.csr {ISSUED_BY} -extfile c.cnf -extensions signer -out signer.pem"
REPLY = "ts -reply -config c.cnf -queryfile query -inkey signer.key -signer signer.pem -out reply"


class Authority:
    """An authority with a certificate of its own, which leads up to ``certificate``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked = 0
        self.url = ""
        self.spoils = ""
        (folder / "c.cnf").write_text(CONFIGURATION)
        (folder / "serial").write_text("01\n")
        for command in (ROOT, REQUEST, SIGNER):
            self.openssl(command)

    @property
    def certificate(self) -> Certificate:
        return load_pem_x509_certificate((self.folder / "root.pem").read_bytes())

    def openssl(self, command: str) -> None:
        subprocess.run(
            ["openssl", *command.split()], cwd=self.folder, check=True, capture_output=True
        )

    def answer(self, query: bytes) -> bytes:
        """Answer a request; ``spoils`` says how not."""
        self.asked += 1
        if self.spoils == "readable":
            return b"no time-stamp"
        if self.spoils == "large":
            return b"0" * 100_000
        (self.folder / "query").write_bytes(query)
        self.openssl(REPLY)
        return (self.folder / "reply").read_bytes()


@contextmanager
def serving() -> Generator[Authority]:
    """Make an authority and serve it over HTTP."""
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.headers["content-type"] == "application/timestamp-query"
                body = authority.answer(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(500 if authority.spoils == "status" else 200)
                self.send_header("content-type", "application/timestamp-reply")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        authority.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield authority
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
