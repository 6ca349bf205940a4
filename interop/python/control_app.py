"""The Python side of the remote control suite."""

import os
import time

from celery import Celery

app = Celery("control", broker=os.environ["TQ_BROKER"], backend=os.environ["TQ_BACKEND"])
app.conf.update(broker_connection_retry_on_startup=True)


@app.task(name="control.add")
def add(x, y):
    return x + y


@app.task(name="control.sleep")
def sleep(seconds):
    time.sleep(seconds)
