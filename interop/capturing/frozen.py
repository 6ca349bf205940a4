"""Ids, times and places that stay the same from run to run."""

import datetime
import re

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc)
count = 0


def freeze(uuid, os, socket):
    """Counts ids up instead of drawing them, and stands still otherwise."""
    real = uuid.UUID

    def counted(*_args):
        global count
        count += 1
        return real(f"00000000-0000-4000-8000-{count:012d}")

    uuid.uuid4 = counted
    uuid.uuid3 = lambda *_args: real("00000000-0000-3000-8000-000000000abc")
    uuid.uuid5 = lambda *_args: real("00000000-0000-5000-8000-000000000abc")
    os.getpid = lambda: 1
    socket.gethostname = lambda: "host"


def restart():
    """Ids of the next scenario start from 1."""
    global count
    count = 0


def plain(text):
    """Text without paths of this machine and times of this run."""
    text = re.sub(r'File \\"[^"\\]*?([^/"\\]+)\\"', r'File \\"\1\\"', text)
    text = re.sub(r"\\n[ ^~]+(?=\\n)", "", text)
    date = r'("date_done": ")[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]+\.[0-9]+'
    return re.sub(date, r"\g<1>2026-01-02T03:04:05.678901", text)
