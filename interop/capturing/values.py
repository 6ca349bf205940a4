"""Values: as kombu's JSON writes and reads them, and as Celery prints them into argsrepr and kwargsrepr."""

import datetime
import decimal
import uuid

from celery.utils.saferepr import saferepr
from kombu.utils.json import dumps, loads

UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
WEST = datetime.timezone(datetime.timedelta(hours=-3))

VALUES = {
    "none": None,
    "true": True,
    "zero": 0,
    "minus one": -1,
    "2^31": 2**31,
    "2^53 - 1": 2**53 - 1,
    "2^53": 2**53,
    "2^53 + 1": 2**53 + 1,
    "2^63": 2**63,
    "2^64 + 1": 2**64 + 1,
    "minus 2^70": -(2**70),
    "10^30": 10**30,
    "half": 1.5,
    "whole float": 1.0,
    "minus zero": -0.0,
    "tenth": 0.1,
    "small float": 1e-07,
    "millionth": 1e-06,
    "ten thousandth": 0.0001,
    "hundred thousandth": 0.00001234,
    "large float": 1e22,
    "10^16 as float": 1e16,
    "largest float": 1.7976931348623157e308,
    "nan": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "empty text": "",
    "text": "abc",
    "quote": "it's",
    "both quotes": "it's \"so\"",
    "backslash": "a\\b",
    "control characters": "a\n\t\x00\x7f\u2028b",
    "unicode": "zażółć 漢字 🐇",
    "a name of the format": "__type__",
    "literal in text": 'NaN "Infinity" -Infinity',
    "empty list": [],
    "list": [1, "a", None, True],
    "empty dict": {},
    "dict": {"a": 1, "b": [2]},
    "one of the two keys": {"__type__": "date"},
    "three keys": {"__type__": "date", "__value__": "2026-01-02", "x": 1},
    "__proto__": {"__proto__": {"a": 1}, "constructor": 2},
    "bytes": b"abc",
    "empty bytes": b"",
    "bytes with a quote": b"it's",
    "binary": b"\x00\xff",
    "naive datetime": datetime.datetime(2026, 1, 2, 3, 4, 5, 678901),
    "datetime": datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    "whole datetime": datetime.datetime(2026, 1, 2, 0, 0, tzinfo=UTC),
    "datetime with seconds": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "datetime east": datetime.datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=EAST),
    "datetime west": datetime.datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=WEST),
    "first year": datetime.datetime(1, 1, 1, tzinfo=UTC),
    "last year": datetime.datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    "date": datetime.date(2026, 1, 2),
    "time": datetime.time(3, 4, 5, 600),
    "midnight": datetime.time(0, 0),
    "aware time": datetime.time(3, 4, tzinfo=UTC),
    "time east": datetime.time(3, 4, 5, tzinfo=EAST),
    "decimal": decimal.Decimal("1.10"),
    "decimal exponent": decimal.Decimal("1E+3"),
    "decimal nan": decimal.Decimal("NaN"),
    "uuid": uuid.UUID("12345678-1234-4678-9234-567812345678"),
}

PYTHON_ONLY = {
    "tuple": (1, (2,)),
    "int keys": {1: "a", None: "b", True: "c", 1.5: "d"},
    "colliding keys": {1: "a", "1": "b"},
    "lone surrogate": "\ud800",
    "set": {1},
    "timedelta": datetime.timedelta(seconds=1),
    "complex": 1j,
    "object": object,
}


def json_values():
    return {
        "means": "python is repr(value), json what kombu writes, back repr() of what it reads from that; error where it refuses",
        "values": {name: row(value) for name, value in {**VALUES, **PYTHON_ONLY}.items()},
    }


def row(value):
    try:
        text = dumps(value)
    except Exception as error:  # which class refuses is part of what is captured
        return {"python": ascii(value), "error": type(error).__name__}
    return {"python": ascii(value), "json": text, "back": ascii(loads(text))}


def nest(depth, inner="x"):
    value = inner
    for level in range(depth):
        value = {"k": value} if level % 2 else [value]
    return value


TREE = [[1, {"a": [2, {"b": [3, {"c": 4}]}]}], {"d": {"e": {"f": {}}}}]
#: What is cut, at a budget of 64 in place of Celery's 1024.
CUT = {
    "long text": ["x" * 200],
    "text of the whole budget": ["x" * 63],
    "text one less": ["x" * 62],
    "text of 64": ["x" * 64],
    "text of 65": ["x" * 65],
    "long text with spaces": ["word " * 40],
    "long text, one late space": ["x" * 50 + " " + "y" * 100],
    "long text, a space at the cut": ["x" * 62 + " " + "y" * 100],
    "long text of spaces": [" " * 100],
    "long text with quotes": ["'" * 90],
    "long unicode": ["🐇" * 70],
    "short unicode": ["🐇" * 40],
    "two long texts": ["x" * 40, "y" * 40],
    "long text, then more": ["x" * 200, 1, 2, [3]],
    "long text in a dict": {"k": "x" * 200},
    "long text in a dict, then more": {"k": "x" * 200, "l": 1},
    "long key": {"k" * 200: 1},
    "long key, then more": {"k" * 200: 1, "b": 2},
    "long key with spaces": {"a key " * 40: 1},
    "many numbers": list(range(60)),
    "many texts": [f"text {n}" for n in range(20)],
    "many keys": {f"key{n}": n for n in range(20)},
    "many lists": [[n, [n]] for n in range(20)],
    "many dicts": [{"n": n} for n in range(20)],
    "many empty": [[], {}] * 20,
    "long then deep": ["x" * 55, [[["deep"]]]],
    "long then deep dict": ["x" * 55, [{"a": [[1]]}, 2]],
    "long bytes": [b"x" * 200],
    "long bytes with spaces": [b"word " * 40],
    "long binary": [b"\xff" * 200],
    "half a character": ["x".encode() * 62 + "ż".encode() * 3],
    "long number": [10**120, 1],
    "long decimal": [decimal.Decimal("1." + "1" * 100), 1],
    "long uuids": [uuid.UUID(int=7)] * 5,
    "long datetimes": [datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)] * 3,
    "nested long": [["x" * 200], 1],
    "nested long at the end": [1, ["x" * 200]],
    "nested long in dict": {"a": {"b": "x" * 200}, "c": 1},
    **{f"{size} and lists": ["x" * size, [1, 2], [3]] for size in range(52, 62)},
    **{f"{size} and numbers": ["x" * size, 1, 2] for size in range(52, 62)},
    **{f"{size} and dicts": ["x" * size, {"a": {"b": 1}}] for size in range(44, 60)},
    **{f"{size} and a word": ["x" * size, "two words"] for size in range(46, 62)},
}


def representations():
    deep = {f"depth {depth}": nest(depth) for depth in range(6)}
    deep |= {"tree": TREE, "empty at the limit": [[[[]]]], "empty dict at the limit": [[[{}]]]}
    return {
        "means": "args is what argsrepr shows of a tuple of the value, whole what a list or dict is shown as, each within the budget",
        "maxlevels": 3,
        "rows": {
            **{name: printed(value, 1024) for name, value in {**VALUES, **deep}.items()},
            **{name: printed(value, 64) for name, value in CUT.items()},
            "budget of 1024": printed(["x" * 2000, 1], 1024),
        },
    }


def printed(value, budget):
    shown = {"budget": budget, "args": saferepr((value,), budget)}
    if isinstance(value, (list, dict)):
        shown["whole"] = saferepr(value, budget)
    try:
        return {"json": dumps(value), **shown}
    except TypeError:  # kombu before 5.3 has no word for bytes
        return shown
