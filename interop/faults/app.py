"""The app of the Python column; `app.ts` is the same in TypeScript. Every run of a task is two lines in the ledger."""

import json
import os
import resource
import signal
import threading
import time

from celery import Celery, signals

LEDGER = os.environ["TQ_LEDGER"]

app = Celery("faults", broker=os.environ["TQ_BROKER"], backend=os.environ["TQ_BACKEND"])
app.conf.update(task_default_queue=os.environ["TQ_QUEUE"], broker_connection_retry_on_startup=True)
app.conf.update(json.loads(os.environ.get("TQ_CONF", "{}")))


def note(task_id, what):
    file = os.open(LEDGER, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{task_id} {what} {time.time()} {os.getpid()}\n".encode())
    os.close(file)


def has_started(task_id):
    if not os.path.exists(LEDGER):
        return False
    with open(LEDGER) as lines:
        return f"{task_id} start " in lines.read()


def die(*_args, **_kwargs):
    """Ends worker and children at once, as a machine that goes down does; once in a scenario."""
    try:
        os.close(os.open(LEDGER + ".died", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.killpg(0, signal.SIGKILL)


def spin(_task_id):
    while True:
        pass


def heap(_task_id):
    resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
    held = []
    while True:
        held.append(bytearray(10 << 20))


def fail():
    raise RuntimeError("nobody waits for this")


MISCHIEF = {
    "die at start": die,
    "kill child": lambda _task_id: os.kill(os.getpid(), signal.SIGKILL),
    "spin": spin,
    "heap": heap,
    "exit": lambda _task_id: os._exit(3),
    "abort": lambda _task_id: os.abort(),
    "rejection": lambda _task_id: threading.Thread(target=fail).start(),
    "timer": lambda _task_id: threading.Timer(0, fail).start(),
    "publish": lambda task_id: app.send_task("f.early", (f"{task_id}-child", 0), task_id=f"{task_id}-child"),
}


def run(task_id, seconds, how="", load=None):
    again = has_started(task_id)
    note(task_id, "start")
    mischief = how.removeprefix("once ")
    if mischief in MISCHIEF and not (again and mischief != how):
        MISCHIEF[mischief](task_id)
    if not (how == "long once" and again):
        time.sleep(seconds)
    note(task_id, "end")
    if how == "die at end":
        die()


@app.task(name="f.early", acks_late=False)
def early(id, seconds, how="", load=None):
    run(id, seconds, how, load)


@app.task(name="f.late", acks_late=True)
def late(id, seconds, how="", load=None):
    run(id, seconds, how, load)


if os.environ.get("TQ_DIES_AT"):
    getattr(signals, os.environ["TQ_DIES_AT"]).connect(die, weak=False)
