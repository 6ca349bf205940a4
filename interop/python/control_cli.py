"""Runs `celery` command lines, one JSON array of words a line on stdin; answers each with exit code and output as JSON."""

import contextlib
import io
import json
import sys

from celery.bin.celery import celery
from click.exceptions import ClickException, Exit


def run(words):
    out = io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out):
        try:
            code = celery.main(args=words, standalone_mode=False) or 0
        except Exit as error:
            code = error.exit_code
        except ClickException as error:
            code = error.exit_code
            error.show(file=out)
    return {"code": code, "out": out.getvalue()}


print("ready", flush=True)
for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
