"""`smtp-server.py PORT FOLDER`: answers each message with the digest of its content. Keeps its certificate in FOLDER."""

import hashlib
import ssl
import subprocess
import sys
import threading

from aiosmtpd.controller import Controller

PORT, FOLDER = int(sys.argv[1]), sys.argv[2]
CERTIFICATE, KEY = f"{FOLDER}/smtp.crt", f"{FOLDER}/smtp.key"
SELF_SIGNED = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=mail.test"]


class Digest:
    async def handle_DATA(self, server, session, envelope):
        return f"250 {hashlib.sha256(envelope.content).hexdigest()}"


subprocess.run([*SELF_SIGNED, "-out", CERTIFICATE, "-keyout", KEY], check=True, capture_output=True)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERTIFICATE, KEY)
Controller(Digest(), hostname="127.0.0.1", port=PORT, tls_context=context).start()
threading.Event().wait()
