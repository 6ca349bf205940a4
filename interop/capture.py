"""Captures the bytes that one Celery release writes: `python interop/capture.py` with the Python of that release.

Rewrites interop/goldens/<version>/*.json. No server is needed: messages are taken from kombu's in-memory broker as they
are published, header tables from py-amqp's own encoder, stored results from the backends' own encoder.

What differs from run to run, and what is done about it:
  task ids, reply queues, delivery tags   counted up from 1 per scenario in place of random UUIDs
  pid, host name, thread                  frozen: gen1@host
  times (eta, expires, date_done)         the app's clock stands at 2026-01-02T03:04:05.678901Z; a date_done that does
                                          not come from that clock is rewritten in the form it was written in
  tracebacks                              paths are cut down to file names, ^^^^ markers are removed
  filesystem file names                   the milliseconds before the first underscore become 0
  order of stamps and other sets          PYTHONHASHSEED is 0
What may differ from machine to machine and is left alone: bytes of compressions, and what another Python
version changes in reprs and error texts (about.json names the one used).
"""

import json
import os
import pathlib
import platform
import shutil
import socket
import sys
import uuid

if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})

    from capturing import frozen

    frozen.freeze(uuid, os, socket)  # before Celery is imported: it keeps references of its own

import amqp
import celery
import kombu


def main():
    from capturing import compressions, envelopes, messages, remote, results, tables, values

    folder = pathlib.Path(__file__).parent / "goldens" / celery.__version__
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    documents = {
        "about": {
            "celery": celery.__version__,
            "kombu": kombu.__version__,
            "amqp": amqp.__version__,
            "python": platform.python_version(),
        },
        "task-v2": messages.protocol_2(),
        "task-v1": messages.protocol_1(),
        "canvas": messages.canvas(),
        "json": values.json_values(),
        "saferepr": values.representations(),
        "amqp-tables": tables.tables(),
        "envelopes": envelopes.envelopes(),
        "results": results.stored(),
        "rpc": results.rpc(),
        "compressions": compressions.compressions(),
    }
    if kombu.VERSION >= (5, 3):  # before, kombu's JSON has no typed values to tell the others by
        from capturing import formats

        documents["about"] |= formats.about()
        documents["formats"] = formats.formats()
    documents |= {"control": remote.control(), "events": remote.events()}
    for name, document in documents.items():
        text = json.dumps(document, indent=1, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8", errors="surrogatepass")
    print(f"{folder}: {len(documents)} files", file=sys.stderr)


if __name__ == "__main__":
    main()
