"""The worker of the Python column: a task that says in Redis that it ran, and a probe behind each message.

TQ_BROKER, TQ_BACKEND, TQ_QUEUE, TQ_DEAD (the dead-letter queue, AMQP only), TQ_CONF (a JSON object of settings).
"""

import json
import os

import redis
from celery import Celery
from kombu import Queue

queue = os.environ["TQ_QUEUE"]
dead = os.environ.get("TQ_DEAD")
arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead} if dead else None
store = redis.Redis.from_url(os.environ["TQ_BACKEND"])

app = Celery("hostile", broker=os.environ["TQ_BROKER"], backend=os.environ["TQ_BACKEND"])
app.conf.update(
    task_queues=[Queue(queue, routing_key=queue, queue_arguments=arguments)],
    task_default_queue=queue,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
)
app.conf.update(json.loads(os.environ.get("TQ_CONF", "{}")))
if app.conf.security_key:
    app.setup_security()


@app.task(name="h.ok")
def ok(x, y):
    store.incr(f"ran:{queue}")


@app.task(name="h.probe")
def probe():
    return None
