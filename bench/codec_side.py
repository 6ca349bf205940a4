"""Python's side of the codec benchmark: reads {"value", "seconds"} from stdin, prints rates of kombu per second."""
import json
import sys
import time

import yaml
from kombu import compression, serialization
from kombu.utils.json import dumps

task = json.load(sys.stdin)
value, seconds = task["value"], task["seconds"]


def rate(run):
    """Times batches until the time is over: a look at the clock costs as much as a fast codec."""
    batch, count, start, passed = 1, 0, time.thread_time(), 0.0
    while passed < seconds:
        for _ in range(batch):
            run()
        count += batch
        passed = time.thread_time() - start
        batch = int(count / passed * seconds / 20) + 1 if passed else 2 * batch
    return count / passed


def codec(encode, decode):
    encoded = encode()
    return {"encode": rate(encode), "decode": rate(lambda: decode(encoded))}


def serializer(name):
    content_type, encoding, _ = serialization.dumps(value, name)
    accept = {content_type}
    return codec(
        lambda: serialization.dumps(value, name)[2],
        lambda payload: serialization.loads(payload, content_type, encoding, accept=accept),
    )


def compressor(name):
    body = dumps(value).encode()
    _, content_type = compression.compress(body, name)
    return codec(lambda: compression.compress(body, name)[0], lambda packed: compression.decompress(packed, content_type))


def attempt(measure, name):
    try:
        return measure(name)
    except Exception as error:  # a codec that is not installed here
        return {"missing": repr(error)}


rates = {name: attempt(serializer, name) for name in task["serializers"]}
rates |= {name: attempt(compressor, name) for name in task["compressions"]}
if yaml.__with_libyaml__:  # kombu does not use it: shown beside
    rates["yaml by libyaml"] = codec(
        lambda: yaml.dump(value, Dumper=yaml.CSafeDumper), lambda text: yaml.load(text, Loader=yaml.CSafeLoader)
    )
print(json.dumps({"rates": rates, "libyaml": bool(yaml.__with_libyaml__)}))
