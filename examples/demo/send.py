"""Sends tasks from Python to the TypeScript worker; prints one JSON object a call."""
import json
import time
from datetime import datetime, timezone
from decimal import Decimal

from tasks import app

CALLS = [
    ("ts.add", [2, 3], {}),
    ("ts.slug", [], {"title": "Żółta łódź", "separator": "_"}),
    ("ts.next_day", [datetime(2026, 2, 28, 12, 30, 0, 123456, tzinfo=timezone.utc)], {}),
    ("ts.double_price", [Decimal("19.99")], {}),
    ("ts.square", [2**40 + 1], {}),
    ("ts.fail", [], {}),
]

for name, args, kwargs in CALLS:
    start = time.monotonic()
    result = app.send_task(name, args, kwargs, queue="ts")
    try:
        value = repr(result.get(timeout=20, interval=0.05))
    except Exception as error:  # the remote failure is what this row shows
        value = f"raises {error!r}"
    call = ", ".join([*map(repr, args), *(f"{key}={item!r}" for key, item in kwargs.items())])
    print(json.dumps({"call": f"{name}({call})", "value": value, "ms": round((time.monotonic() - start) * 1000)}), flush=True)
