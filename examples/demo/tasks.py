"""The Python half of the demo: a Celery app with a few tasks, configured like the TypeScript half."""
import json
import os
from datetime import timedelta

from celery import Celery

app = Celery("demo")
app.conf.update(json.loads(os.environ["DEMO_SETTINGS"]))


@app.task(name="py.add")
def add(x, y):
    return x + y


@app.task(name="py.greet")
def greet(name, greeting="Hello"):
    return f"{greeting}, {name}!"


@app.task(name="py.next_day")
def next_day(moment):
    return moment + timedelta(days=1)


@app.task(name="py.square")
def square(n):
    return n * n


@app.task(name="py.flaky", bind=True)
def flaky(self):
    if self.request.retries < 1:
        raise self.retry(countdown=0)
    return f"ok after {self.request.retries} retry"


@app.task(name="py.fail")
def fail():
    raise ValueError("no such order")
