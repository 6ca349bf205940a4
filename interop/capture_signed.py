"""Captures bodies that one Celery release signs: `python interop/capture_signed.py` with the Python of that release.

Rewrites interop/signed/<version>.json: certificates with the ids that Celery gives them, and bodies signed with their
keys. Keys are made for the run and forgotten, so every byte differs from run to run; certificates do not expire.
"""

import datetime
import json
import pathlib
import sys

import celery
from celery.security.certificate import Certificate
from celery.security.key import PrivateKey
from celery.security.serialization import SecureSerializer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

START = datetime.datetime(2020, 1, 1)
END = datetime.datetime(2999, 1, 1)


def attribute(oid, value, kind=_ASN1Type.UTF8String):
    return x509.NameAttribute(oid, value, kind)


def name(*sets):
    return x509.Name([x509.RelativeDistinguishedName(members) for members in sets])


PLAIN = name(
    [attribute(NameOID.COUNTRY_NAME, "DE", _ASN1Type.PrintableString)],
    [attribute(NameOID.ORGANIZATION_NAME, "Acme Inc")],
    [attribute(NameOID.COMMON_NAME, "signer-a")],
)
ODD = name(
    [
        attribute(NameOID.ORGANIZATIONAL_UNIT_NAME, 'Žluť, "a" + b=\\c/d'),
        attribute(NameOID.COMMON_NAME, "多値"),
    ],
    [attribute(NameOID.LOCALITY_NAME, "漢字", _ASN1Type.BMPString)],
    [attribute(NameOID.STATE_OR_PROVINCE_NAME, "🐇", _ASN1Type.UniversalString)],
    [attribute(NameOID.EMAIL_ADDRESS, "a@b.example", _ASN1Type.IA5String)],
    [attribute(NameOID.ORGANIZATION_NAME, "  two  blanks ")],
)
CA = name([attribute(NameOID.ORGANIZATION_NAME, "Our CA")], [attribute(NameOID.COMMON_NAME, "root")])

SIGNERS = {
    "self-signed": {"subject": PLAIN, "serial": 737894404660},
    "signed by a CA": {"subject": PLAIN, "issuer": CA, "serial": 4096},
    "odd names, a long serial": {"subject": ODD, "serial": 2**158 + 1},
    "1024 bits, sha512": {"subject": PLAIN, "serial": 1024, "bits": 1024, "digest": "sha512"},
    "3072 bits, sha3_256": {"subject": PLAIN, "serial": 3072, "bits": 3072, "digest": "sha3_256"},
    "1025 bits, SHA1": {"subject": PLAIN, "serial": 1025, "bits": 1025, "digest": "SHA1"},
}

BODIES = {
    "a task": ("json", [[2, 3], {"y": "zażółć"}, {"callbacks": None, "chain": None}]),
    "a separator in the body": ("msgpack", [["\x00\x01"], {}, {}]),
    "empty": ("json", [[], {}, {}]),
}


def signer(subject, serial, issuer=None, bits=2048, digest="sha256"):
    key = rsa.generate_private_key(65537, bits)
    authority = key if issuer is None else rsa.generate_private_key(65537, 2048)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(START)
        .not_valid_after(END)
        .sign(authority, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    known = Certificate(pem)

    def sign(serializer, value):
        secure = SecureSerializer(PrivateKey(key_pem), known, None, digest, serializer)
        return secure.serialize(value)

    bodies = {}
    for means, (serializer, value) in BODIES.items():
        signed = sign(serializer, value)
        bodies[means] = {"serializer": serializer, "value": json.dumps(value), "signed": signed}
    return {"certificate": pem, "id": known.get_id(), "digest": digest, "bodies": bodies}


def main():
    document = {means: signer(**fields) for means, fields in SIGNERS.items()}
    path = pathlib.Path(__file__).parent / "signed" / f"{celery.__version__}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(path, file=sys.stderr)


main()
