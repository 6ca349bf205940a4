"""Python's side of auth-codec.ts: signs and verifies one task body with Celery's own serializer, prints rates."""
import json
import sys
import time

from celery.security.certificate import Certificate, FSCertStore
from celery.security.key import PrivateKey
from celery.security.serialization import SecureSerializer

with open(sys.argv[1]) as key, open(sys.argv[2]) as cert:
    secure = SecureSerializer(PrivateKey(key.read()), Certificate(cert.read()), FSCertStore(sys.argv[3]), "sha256", "json")
value = json.loads(sys.argv[4])
seconds = float(sys.argv[5])


def rate(step):
    step()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _ in range(10):
            step()
        count += 10
    return count / (time.perf_counter() - start)


signed = secure.serialize(value)
print(json.dumps({"sign": rate(lambda: secure.serialize(value)), "verify": rate(lambda: secure.deserialize(signed))}))
