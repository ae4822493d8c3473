"""A mail server on this machine that takes mails by STARTTLS and AUTH, and prints each as a line of JSON.

Its certificate is signed by an authority of its own, which it writes to the folder that it is given.
The first mails are refused for the moment, as many as it is told.
"""

import asyncio
import datetime
import ipaddress
import json
import ssl
import sys
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

FOLDER = Path(sys.argv[1])
REFUSED = int(sys.argv[2])


def certificate(name, key, issuer, issuer_key, is_authority):
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if not is_authority:
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        usage = [x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def context():
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = certificate("Test authority", authority_key, None, authority_key, True)
    own = certificate("localhost", key, authority.subject, authority_key, False)
    pem = serialization.Encoding.PEM
    (FOLDER / "authority.pem").write_bytes(authority.public_bytes(pem))
    (FOLDER / "server.pem").write_bytes(own.public_bytes(pem))
    (FOLDER / "server.key").write_bytes(
        key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(FOLDER / "server.pem", FOLDER / "server.key")
    return tls


class Handler:
    def __init__(self):
        self.refused = 0

    async def handle_DATA(self, server, session, envelope):
        if self.refused < REFUSED:
            self.refused += 1
            return "451 Not now"
        message = message_from_bytes(envelope.original_content, policy=default)
        print(
            json.dumps(
                {
                    "from": envelope.mail_from,
                    "to": envelope.rcpt_tos,
                    "is_encrypted": session.ssl is not None,
                    "headers": [[name, str(value)] for name, value in message.items()],
                    "text": message.get_content(),
                }
            ),
            flush=True,
        )
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"calls", b"mail-secret")
    return AuthResult(success=right, handled=True)


async def main():
    tls, handler = context(), Handler()

    def protocol():
        return SMTP(
            handler,
            hostname="localhost",
            tls_context=tls,
            require_starttls=True,
            auth_required=True,
            authenticator=authenticate,
        )

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


asyncio.run(main())
