"""Stored results, as the redis, file and rpc backends of a release write them."""

import base64
import tempfile

import celery
from celery.app.trace import build_tracer

from . import frozen
from .golden_app import make_app, noted

ID = "11111111-1111-4111-8111-111111111111"


class Commands:
    """Stands where a Redis client stands and notes each command."""

    def __init__(self):
        self.sent = []

    def pipeline(self, *_args, **_kwargs):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_args):
        return None

    def execute(self):
        return []

    def get(self, key):
        return None

    def setex(self, *args):
        self.sent.append(["SETEX", *args])

    def set(self, *args):
        self.sent.append(["SET", *args])

    def publish(self, key, value):
        stored = self.sent[-1][-1] if self.sent else None
        self.sent.append(["PUBLISH", key, "as stored" if value == stored else value])


def run(app, name, args=(), track=False, **request):
    """Runs a task as a worker does and stores what becomes of it."""
    task = app.tasks[name]
    task.track_started = track
    context = {"id": ID, "task": name, "args": list(args), "kwargs": {}, "delivery_info": {"routing_key": "celery"}}
    context |= {"hostname": "w1@host", "is_eager": False, "called_directly": False, "retries": 0, **request}
    frozen.restart()
    trace = build_tracer(name, task, hostname="w1@host", app=app)
    trace(ID, list(args), {}, context)


def cases(app, compressed=False):
    backend = app.backend
    fail = lambda kind, *args, **more: run(app, "golden.fail", [kind, *args], **more)
    found = {
        "success": ("a return value", lambda: run(app, "golden.add", [2, 3])),
        "success text": ("text beyond ASCII", lambda: run(app, "golden.echo", ["zażółć 🐇"])),
        "success float": ("a NaN", lambda: run(app, "golden.echo", [float("nan")])),
        "success big": ("an integer beyond 2^53", lambda: run(app, "golden.echo", [2**70])),
        "success in a group": ("group and parent are named", lambda: run(app, "golden.add", [2, 3], group="g", parent_id="p")),
        "failure": ("an exception of Python's", lambda: fail("ValueError", "bad value")),
        "failure with arguments": ("a class of the user's, with arguments", lambda: fail("Own", 1, "two", None)),
        "failure with an odd argument": ("what JSON cannot carry becomes its repr", lambda: fail("odd")),
        "retry": ("the task will run again", lambda: run(app, "golden.again", [1])),
        "started": ("task_track_started: two states are stored", lambda: run(app, "golden.add", [2, 3], track=True)),
        "revoked": ("revoked before it ran", lambda: backend.mark_as_revoked(ID, "revoked", request=None, store_result=True)),
        "custom state": ("update_state", lambda: backend.store_result(ID, {"done": 3}, "PROGRESS")),
        "children": ("a task that sent a task and a chain", lambda: run(app, "golden.parent")),
    }
    if compressed:
        found = {"success": found["success"], "failure": found["failure"]}
    return found


def redis_states(**conf):
    conf["result_backend_transport_options"] = {"global_keyprefix": ""}
    app = make_app(backend="redis://", **conf)
    del conf["result_backend_transport_options"]
    found = {}
    for name, (means, act) in cases(app, compressed="result_compression" in conf).items():
        commands = app.backend.__dict__["client"] = Commands()
        app.backend.on_task_call = lambda *_args: None  # it would subscribe to the results of tasks sent meanwhile
        act()
        found[name] = {"means": means, "commands": [[shown(part) for part in sent] for sent in commands.sent]}
    return found


def shown(part):
    if isinstance(part, bytes):
        if part[:1] == b"\0":
            return {"base64": base64.b64encode(part).decode()}
        return frozen.plain(part.decode())
    return frozen.plain(part) if isinstance(part, str) else part


def file_states():
    with tempfile.TemporaryDirectory() as folder:
        app = make_app(backend=f"file://{folder}")
        written = {}
        real = type(app.backend).set

        def note(self, key, value):
            written[shown(key)] = shown(value)
            return real(self, key, value)

        type(app.backend).set = note
        try:
            run(app, "golden.add", [2, 3])
        finally:
            type(app.backend).set = real
        return written


def stored():
    found = {
        "means": "the Redis commands of each case, in order; the file backend writes the same key and bytes to a file",
        "redis": redis_states(),
        "redis extended": redis_states(result_extended=True),
        "file": file_states(),
    }
    if tuple(int(part) for part in celery.__version__.split(".")[:2]) >= (5, 7):
        found["redis compressed"] = redis_states(result_compression="gzip")
    return found


def rpc():
    app = make_app(backend="rpc://")
    found = {}
    reply = {"reply_to": "reply-queue", "correlation_id": ID}
    for name, (means, act) in {
        "success": ("a return value", lambda: run(app, "golden.add", [2, 3], **reply)),
        "failure": ("an exception", lambda: run(app, "golden.fail", ["ValueError", "bad"], **reply)),
        "started": ("every state is a message of its own", lambda: run(app, "golden.add", [2, 3], track=True, **reply)),
        "retry": ("the task will run again", lambda: run(app, "golden.again", [1], **reply)),
    }.items():
        with noted() as messages:
            act()
        found[name] = {"means": means, "messages": [m for m in messages if m["routing_key"] == "reply-queue"]}
    return found
