"""AMQP field tables as py-amqp writes them, and what it reads from tables of its own."""

import datetime
from decimal import Decimal

from amqp.serialization import dumps, loads
from kombu.utils.json import dumps as json_dumps

TABLES = {
    "empty": {},
    "booleans and none": {"yes": True, "no": False, "none": None},
    "small integers": {"zero": 0, "one": 1, "minus": -1, "byte": 200, "short": 40000},
    "int32": {"max": 2**31 - 1, "min": -(2**31) + 1},
    "beyond int32": {"over": 2**31, "under": -(2**31) - 1, "edge": -(2**31), "ms": 1767323045678},
    "beyond 2^53": {"safe": 2**53 - 1, "over": 2**53 + 1, "max": 2**63 - 1, "min": -(2**63)},
    "floats": {"half": 1.5, "whole": 1.0, "tenth": 0.1, "minus": -2.5, "large": 1e300},
    "text": {"empty": "", "ascii": "abc", "unicode": "zażółć 漢字 🐇"},
    "nested": {"list": [1, "a", None, [2**40, {"x": True}]], "dict": {"a": {"b": [], "c": {}}}},
    "time limits": {"timelimit": [300, 200], "none": [None, None]},
    "__proto__": {"__proto__": {"a": 1}},
}

OTHERS = {
    "bytes": {"text": b"abc", "binary": b"\x00\xff"},
    "timestamp": {"at": datetime.datetime(2026, 1, 2, 3, 4, 5)},
    "decimal": {"price": Decimal("1.10"), "minus": Decimal("-2.5")},
}


def tables():
    return {
        "means": "hex is the table without its length; python is what py-amqp reads back from it; json is the value written",
        "tables": {name: row(table) for name, table in TABLES.items()},
        "without json": {name: row(table, plain=False) for name, table in OTHERS.items()},
    }


def row(table, plain=True):
    data = dumps("F", [table])
    return {
        **({"json": json_dumps(table)} if plain else {}),
        "hex": data[4:].hex(),
        "python": ascii(read(data)),
    }


def read(data):
    try:
        return loads("F", data, 0)[0][0]
    except Exception as error:  # a release that cannot read what it writes is worth knowing
        return f"{type(error).__name__}: {error}"
