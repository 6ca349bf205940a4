"""Python's side of the benchmark: `drain` runs celery worker -c 2 in prefork, `publish` calls delay."""
import hashlib
import json
import os
import subprocess
import sys
import time

from celery import Celery

results = os.environ.get("BENCH_RESULTS", "")
app = Celery("celery_side", broker=os.environ["BENCH_BROKER"], backend=results or None)
# -c 2 with multiplier 100: prefetch 200, as on the other side.
app.conf.update(
    task_default_queue="bench", task_ignore_result=not results, worker_prefetch_multiplier=100, worker_redirect_stdouts=False
)


@app.task(name="bench.noop")
def noop(x, y):
    return None


@app.task(name="bench.cpu")
def cpu(x, y):
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 5_000, 32)


def publish():
    count = int(os.environ["BENCH_COUNT"])
    noop.delay(2, 3)
    start = time.monotonic()
    for _ in range(count):
        noop.delay(2, 3)
    print(json.dumps({"rate": count / (time.monotonic() - start)}))


def drain():
    """Times the queue from the first message taken to the last one gone; the last prefetch window is not counted."""
    count = int(os.environ["BENCH_COUNT"])
    command = [sys.executable, "-m", "celery", "-A", "celery_side", "worker", "-c", "2", "-l", "ERROR", "--without-gossip", "--without-mingle"]
    worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with app.connection_for_read() as connection:
            channel = connection.default_channel
            left = lambda: channel.queue_declare("bench", passive=True).message_count
            while left() >= count:
                time.sleep(0.005)
            first, start = left(), time.monotonic()
            while (last := left()) > 0:
                time.sleep(0.01)
            print(json.dumps({"rate": (first - last) / (time.monotonic() - start)}))
    finally:
        worker.terminate()
        worker.wait()


{"drain": drain, "publish": publish}.get(sys.argv[1] if __name__ == "__main__" else "", lambda: None)()
