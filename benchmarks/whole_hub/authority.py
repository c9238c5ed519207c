"""Certificates and passwords as the role telemetry_hub makes them: an authority, and what it signs for a host."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(days=1)


def _name(words: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, words)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, signing: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    built = x509.CertificateBuilder(issuer_name=issuer, subject_name=subject, public_key=key.public_key())
    built = built.serial_number(x509.random_serial_number())
    built = built.not_valid_before(now - VALID).not_valid_after(now + VALID)
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    of_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    return built.add_extension(own, critical=False).add_extension(of_issuer, critical=False)


def _usage(*granted: str) -> x509.KeyUsage:
    known = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    return x509.KeyUsage(**{name: name in granted for name in known})


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@dataclass
class Authority:
    """Signs the certificates of hosts; ``pem`` is its own, by which robots know them."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=_key, repr=False)
    name: x509.Name = field(default_factory=lambda: _name("Telemetry hub authority"))
    pem: str = ""

    def __post_init__(self) -> None:
        """Sign its own certificate."""
        built = _begun(self.name, self.name, self.key, self.key)
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        built = built.add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        self.pem = _pem(built.sign(self.key, hashes.SHA256()))

    def certificate(self, address: str) -> tuple[str, str]:
        """Return a certificate for the host at ``address`` (IPv4 or IPv6), and its key, as PEM."""
        key = _key()
        built = _begun(_name(address), self.name, key, self.key)
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
        built = built.add_extension(names, critical=False).add_extension(_usage("digital_signature"), critical=True)
        built = built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return _pem(built.sign(self.key, hashes.SHA256())), private.decode()


def password() -> str:
    """Return a password that nobody has."""
    return secrets.token_hex(16)


def login(user: str, known: str) -> dict[str, str]:
    """Return the header with which ``user`` asks, whose password is ``known``."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{known}".encode()).decode()}
