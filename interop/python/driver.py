"""Answers one JSON line per JSON line, so that a test does not pay for a Python start.

{"send": name, "args": [], "kwargs": {}, "options": {}, "get": seconds} -> {"id", "value", "type"} or {"id", "error": {...}}
{"echo": name, "python": expression, ...} sends the value of an expression -> {"id", "value": [repr sent, repr come back]}
"""

import sys

from app import app
from kombu.utils.json import dumps, loads


def send(command):
    options = command.get("options", {})
    if "args_json" in command:  # numbers that the test's own JSON cannot write
        command["args"] = loads(command["args_json"])
    links = {
        key: app.signature(options.pop(key)) for key in ("link", "link_error") if key in options
    }
    result = app.send_task(
        command["send"], command.get("args", []), command.get("kwargs", {}), **options, **links
    )
    return answer(result, command)


def echo(command):
    import values  # msgpack is not everywhere

    value = eval(command["python"], vars(values))
    reply = send({**command, "send": command["echo"], "args": [value]})
    return {**reply, "value": [repr(value), repr(reply.get("value"))]}


def chain(command):
    from celery import chain as chain_of

    steps = [app.signature(step["task"], args=step.get("args", [])) for step in command["chain"]]
    return answer(chain_of(*steps).apply_async(), command)


# A result that is collected while another is sent waits for a lock of redis-py that its own thread holds.
kept = []


def answer(result, command):
    kept.append(result)
    if "get" not in command:
        return {"id": result.id}
    try:
        value = result.get(timeout=command["get"])
        return {"id": result.id, "value": value, "type": type(value).__name__}
    except Exception as error:  # the test reads what was raised
        kind = type(error)
        return {
            "id": result.id,
            "error": {
                "type": kind.__name__,
                "module": kind.__module__,
                "args": [repr(arg) for arg in error.args],
                "state": result.state,
                "traceback": result.traceback,
            },
        }


def handle(command):
    if "echo" in command:
        return echo(command)
    if "chain" in command:
        return chain(command)
    if "conf" in command:
        app.conf.update(command["conf"])
        return {}
    return send(command)


def main():
    print('{"ready": true}', flush=True)
    for line in sys.stdin:
        try:
            reply = handle(loads(line))
        except Exception as error:  # one bad command must not end the driver
            reply = {"broken": repr(error)}
        print(dumps(reply), flush=True)


main()
