"""Remote control and events: what clients ask, what a worker answers, and what it tells about itself and its tasks."""

import pickle
import re
import types
from unittest import mock

import kombu.pidbox
from billiard.einfo import ExceptionInfo
from celery.events.dispatcher import EventDispatcher
from celery.exceptions import Retry
from celery.worker import heartbeat, strategy
from celery.worker import state as worker_state
from celery.worker.control import Panel

from . import frozen
from .golden_app import make_app
from .messages import ID, scenario

NODE = "celery@host"
OTHER = "w2@host"
NOW = frozen.NOW.timestamp()


def control():
    """Requests to workers, and the answers of one."""
    app = make_app()
    kombu.pidbox.time = lambda: NOW
    ask = app.control
    calls = {
        "ping": ("a request that wants answers", lambda: asked(app, "ping")),
        "destination": ("one node is meant", lambda: asked(app, "ping", destination=[NODE])),
        "pattern": ("nodes by name", lambda: asked(app, "ping", pattern="celery@*", matcher="glob")),
        "revoke": ("no answer is wanted", lambda: ask.revoke([ID, "other"], terminate=True, signal="SIGKILL")),
        "rate limit": ("a text and a number", lambda: ask.rate_limit("golden.add", "100/m")),
        "time limit": ("one of two limits", lambda: ask.time_limit("golden.add", soft=1.5)),
        "add consumer": ("a queue with all that is said of it", lambda: ask.add_consumer("q", exchange="e", routing_key="r")),
        "autoscale": ("whole numbers", lambda: ask.autoscale(4, 1)),
        "shutdown": ("no arguments", lambda: ask.shutdown()),
        "hello": ("what a starting worker asks", lambda: asked(app, "hello", from_node=OTHER, revoked={})),
    }
    found = {name: scenario(*call) for name, call in calls.items()}
    worker_state.revoked.add("gone", now=NOW)
    replies = {
        "ping": ("pong", "ping", {}),
        "clock": ("a command without words", "clock", {}),
        "registered": ("a list", "registered", {"taskinfoitems": ["max_retries"]}),
        "hello": ("what a starting worker is told", "hello", {"from_node": OTHER, "revoked": {}}),
        "unknown": ("there is no such command", "nosuch", {}),
        "wrong": ("a command that fails", "rate_limit", {"task_name": "golden.add", "rate_limit": "x/q"}),
    }
    for name, (means, method, arguments) in replies.items():
        found[f"reply {name}"] = scenario(means, lambda: answer(app, method, arguments))
    return found


def asked(app, command, destination=None, pattern=None, matcher=None, **arguments):
    with app.connection() as connection:
        box = app.control.mailbox(connection)
        box._broadcast(command, arguments, destination=destination, reply=True, timeout=0, pattern=pattern, matcher=matcher)


def answer(app, method, arguments):
    state = types.SimpleNamespace(app=app, hostname=NODE, tset=set)
    with app.connection() as connection:
        node = app.control.mailbox(connection).Node(NODE, channel=connection.default_channel, handlers=Panel.data, state=state)
        node.dispatch(method, arguments, reply_to={"exchange": "reply.celery.pidbox", "routing_key": "oid"}, ticket="ticket")


def events():
    """What a worker and a client tell: one message an event, and tasks' in batches."""
    add = make_app(task_send_sent_event=True).tasks["golden.add"]
    found = {"task-sent": scenario("a client's", lambda: add.apply_async((2,), {"y": "it's"}, task_id=ID, expires=60))}
    app = make_app()
    with app.connection() as connection:
        alone = EventDispatcher(connection, NODE, app=app)
        heart = heartbeat.Heart(mock.Mock(), alone)
        for name in ("worker-online", "worker-heartbeat", "worker-offline"):
            found[name] = scenario("a worker's own", lambda: heart._send(name))
        for name, act in task_events(app, alone).items():
            found[name] = scenario("of a task", act)
        older = task_events(make_app(task_protocol=1), alone)["task-received"]
        found["task-received 1"] = scenario("of a task of protocol 1, which has no argsrepr", older)
        batching = EventDispatcher(connection, NODE, app=app, buffer_group={"task"}, buffer_limit=3)
        found["batch"] = scenario("one message for several", lambda: batch(app, batching))
    for document in found.values():
        document["messages"] = [message for message in document["messages"] if message["exchange"] == "celeryev"]
        for message in document["messages"]:
            message["body"] = still(message["body"])
    return found


def batch(app, dispatcher):
    acts = task_events(app, dispatcher)
    for name in ("task-received", "task-started", "task-succeeded"):
        acts[name]()


def task_events(app, dispatcher):
    """Each event of a task, as the worker's own request sends it."""
    add = app.tasks["golden.add"]
    received = []
    consumer = mock.MagicMock(hostname=NODE, event_dispatcher=dispatcher, on_task_request=received.append, disable_rate_limits=True)
    consumer.controller.state.revoked = set()

    def receive():
        with app.connection() as connection:
            queue = connection.SimpleQueue("celery")
            queue.clear()
            add.apply_async((2, 3), {}, task_id=ID, expires=10**9)
            strategy.default(add, app, consumer)(queue.get(timeout=1), None, mock.Mock(), mock.Mock(), [])

    def request():
        with mock.patch.object(dispatcher, "send"):
            receive()
        return received[-1]

    return {
        "task-received": receive,
        "task-started": lambda: request().on_accepted(1, 0.0),
        "task-succeeded": lambda: request().on_success((False, "5", 0.25)),
        "task-failed": lambda: request().on_failure(info(ValueError("it's bad"))),
        "task-retried": lambda: request().on_retry(info(Retry("later", ValueError("later"), 3))),
        "task-revoked": lambda: request()._announce_revoked("expired", False, None, True),
        "task-rejected": lambda: request().reject(requeue=False),
    }


def info(error):
    try:
        raise error
    except Exception:
        return pickle.loads(pickle.dumps(ExceptionInfo()))  # as it comes out of a child


def still(body):
    """Without the time and the load of this machine."""
    body = re.sub(r'("timestamp": )[0-9.e+]+', rf"\g<1>{NOW}", body)
    return re.sub(r'("loadavg": )\[[^]]*\]', r"\g<1>[0.5, 0.25, 0.125]", body)
