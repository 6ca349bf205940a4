"""Watches events with Celery's own receiver: one JSON line for each, then on EOF of stdin the cluster as its State has it."""

import json
import sys
import threading

from app import app

state = app.events.State()


def on_event(event):
    state.event(event)
    print(json.dumps({"event": event}), flush=True)


def leave():
    sys.stdin.read()
    tasks = {uuid: {**task.info(), "state": task.state, "name": task.name} for uuid, task in state.tasks.items()}
    workers = {
        name: {"alive": worker.alive, "sw_ident": worker.sw_ident, "freq": worker.freq, "processed": worker.processed}
        for name, worker in state.workers.items()
    }
    print(json.dumps({"tasks": tasks, "workers": workers, "task_count": state.task_count}), flush=True)
    receiver.should_stop = True


with app.connection_for_read() as connection:
    receiver = app.events.Receiver(connection, handlers={"*": on_event})
    receiver.on_consume_ready = lambda *args, **kwargs: print(json.dumps({"ready": True}), flush=True)
    threading.Thread(target=leave, daemon=True).start()
    receiver.capture(limit=None, timeout=None, wakeup=False)
