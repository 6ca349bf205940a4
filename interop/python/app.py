"""A Celery app configured by the environment: TQ_BROKER, TQ_BACKEND and TQ_CONF (a JSON object of settings)."""

import json
import os

from celery import Celery

app = Celery(
    "interop",
    broker=os.environ["TQ_BROKER"],
    backend=os.environ.get("TQ_BACKEND") or None,
    include=["tasks"],
)
app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)
app.conf.update(json.loads(os.environ.get("TQ_CONF", "{}")))
