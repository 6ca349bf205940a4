"""Reads field tables with this release's py-amqp: {name: {"json", "hex"}} on stdin, {name: what differs} on stdout."""

import json
import sys

from amqp.serialization import loads

different = {}
for name, table in json.load(sys.stdin).items():
    data = bytes.fromhex(table["hex"])
    found = loads("F", len(data).to_bytes(4, "big") + data, 0)[0][0]
    # repr tells 1 from True and 1.0, which are equal.
    if repr(found) != repr(json.loads(table["json"])):
        different[name] = ascii(found)
print(json.dumps(different))
