"""Signs and sends: answers one JSON line per JSON line. It reads nothing signed and so needs no store: Celery 5.4 cannot
load one (it compares a naive date with an aware one).

{"key": path, "cert": path, "inner": "json"} -> {}
{"send": name, "args": [], "options": {}, "get": seconds} -> {"id", "value"} or {"id", "error"}
"""

import json
import sys

from app import app
from celery.security.serialization import register_auth


def handle(command):
    if "key" in command:
        with open(command["key"]) as key, open(command["cert"]) as cert:
            register_auth(key.read(), None, cert.read(), serializer=command["inner"])
        return {}
    result = app.send_task(command["send"], command["args"], **command.get("options", {}))
    answer = {"id": result.id}
    if "get" in command:
        try:
            answer["value"] = result.get(timeout=command["get"])
        except Exception as error:  # the test reads what was raised
            answer["error"] = repr(error)
    return answer


def main():
    print('{"ready": true}', flush=True)
    for line in sys.stdin:
        try:
            reply = handle(json.loads(line))
        except Exception as error:  # one bad command must not end the driver
            reply = {"broken": repr(error)}
        print(json.dumps(reply), flush=True)


main()
