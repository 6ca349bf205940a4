"""Tasks that both sides of the interop suites send to real Celery."""

import datetime
import decimal
import time
import uuid

import points  # noqa: F401  registers its type
from app import app


class CustomError(Exception):
    """An exception that only this module knows."""


@app.task(name="py.add")
def add(x, y=0):
    return x + y


@app.task(name="py.mul")
def mul(x, y):
    return x * y


@app.task(name="py.echo")
def echo(value):
    return value


@app.task(name="py.describe")
def describe(value):
    return [type(value).__name__, repr(value)]


@app.task(name="py.types")
def types(items):
    return [type(item).__name__ for item in items]


@app.task(name="py.typed")
def typed():
    return {
        "datetime": datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc),
        "date": datetime.date(2026, 1, 2),
        "decimal": decimal.Decimal("1.10"),
        "uuid": uuid.UUID(int=7),
        "bytes": b"\x00\xff",
    }


@app.task(name="py.fail")
def fail(message):
    raise ValueError(message)


@app.task(name="py.fail_custom")
def fail_custom(message):
    raise CustomError(message)


@app.task(name="py.retry_twice", bind=True, max_retries=3)
def retry_twice(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return self.request.retries


@app.task(name="py.slow")
def slow(seconds):
    time.sleep(seconds)
    return seconds


@app.task(name="py.now")
def now():
    return time.time()


@app.task(name="py.ignored", ignore_result=True)
def ignored():
    return "unseen"


@app.task(name="py.context", bind=True)
def context(self):
    request = self.request
    return {
        "id": request.id,
        "tenant": getattr(request, "tenant", None),  # request.headers came with 5.3
        "queue": (request.delivery_info or {}).get("routing_key"),
        "priority": (request.delivery_info or {}).get("priority"),
        "retries": request.retries,
    }
