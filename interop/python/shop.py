"""The smallest Python app there is, on the URLs that the environment names. What `now` and `fail` do is the other side's."""

import os

from celery import Celery

app = Celery(broker=os.environ["CELERY_BROKER_URL"], backend=os.environ["CELERY_RESULT_BACKEND"])


@app.task(name="tasks.add")
def add(x, y):
    return x + y


@app.task(name="tasks.now")
def now():
    raise NotImplementedError


@app.task(name="tasks.fail")
def fail():
    raise NotImplementedError
