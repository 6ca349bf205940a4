"""An app whose messages are noted as they are published, and the tasks it knows."""

import contextlib

from celery import Celery
from kombu.transport.pyamqp import Channel as AmqpChannel
from kombu.transport.virtual.base import Channel
from amqp.serialization import dumps

from . import frozen

REPLY_TO = "00000000-0000-3000-8000-000000000abc"


def make_app(broker="memory://", backend="disabled://", **conf):
    app = Celery("golden", broker=broker, backend=backend, set_as_current=True)
    app.conf.update(conf)
    app.now = lambda: frozen.NOW

    @app.task(name="golden.add", shared=False)
    def add(x, y=0):
        return x + y

    @app.task(name="golden.total", shared=False)
    def total(numbers):
        return sum(numbers)

    @app.task(name="golden.failed", shared=False)
    def failed(*args):
        return None

    @app.task(name="golden.echo", shared=False)
    def echo(value):
        return value

    @app.task(name="golden.fail", shared=False)
    def fail(kind, *args):
        if kind == "odd":
            raise KeyError({1})
        raise {"ValueError": ValueError, "Own": OwnError}[kind](*args)

    @app.task(name="golden.again", shared=False, bind=True, max_retries=3)
    def again(self, x, y=0):
        raise self.retry(exc=ValueError("later"), countdown=3)

    @app.task(name="golden.parent", shared=False)
    def parent():
        add.delay(1, 2)
        (add.s(3, 4) | add.s(5)).apply_async()

    return app


class OwnError(Exception):
    """An exception that only this module knows."""


@contextlib.contextmanager
def noted():
    """Notes every message published meanwhile, in order, in the form AMQP has it."""
    found = []
    publish = Channel.basic_publish

    def note(self, message, exchange, routing_key, **kwargs):
        found.append(describe(message, exchange, routing_key))
        return publish(self, message, exchange, routing_key, **kwargs)

    frozen.restart()
    Channel.basic_publish = note
    try:
        yield found
    finally:
        Channel.basic_publish = publish


def describe(message, exchange, routing_key):
    properties = {k: v for k, v in message["properties"].items() if k not in ("delivery_info",)}
    body = message["body"]
    sent = AmqpChannel.prepare_message(
        None,
        body,
        properties.get("priority"),
        message["content-type"],
        message["content-encoding"],
        message["headers"],
        {k: v for k, v in properties.items() if k != "priority"},
    )
    on_the_wire = {name for name, _type in sent.PROPERTIES} - {"application_headers"}
    return {
        "exchange": exchange,
        "routing_key": routing_key,
        "properties": {k: v for k, v in sent.properties.items() if k in on_the_wire},
        "headers": message["headers"],
        "headers_hex": dumps("F", [message["headers"]])[4:].hex(),
        "body": frozen.plain(body if isinstance(body, str) else body.decode()),
    }
