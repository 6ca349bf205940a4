"""msgpack and YAML as kombu writes and reads them. `json` is the value in kombu's JSON, so that another language can read it."""

import datetime

import msgpack
import yaml
from kombu.serialization import dumps as kombu_dumps
from kombu.serialization import loads as kombu_loads
from kombu.utils.json import dumps

from .values import PYTHON_ONLY, UTC, VALUES

TYPES = {"msgpack": "application/x-msgpack", "yaml": "application/x-yaml"}

MORE = {
    **{f"int {number}": number for bits in (7, 8, 15, 16, 31, 32, 63) for number in (2**bits - 1, 2**bits, -(2**bits), -(2**bits) - 1)},
    "2^64 - 1": 2**64 - 1,
    "2^64": 2**64,
    "minus 32": -32,
    "minus 33": -33,
    **{f"text of {size}": "x" * size for size in (31, 32, 255, 256)},
    **{f"bytes of {size}": b"\xfe" * size for size in (255, 256)},
    **{f"list of {size}": [0] * size for size in (15, 16)},
    **{f"dict of {size}": {f"k{n}": n for n in range(size)} for size in (15, 16)},
    "text that YAML misreads": [
        "yes", "No", "on", "y", "n", "null", "~", "", " ", "=", "<<", "010", "0x1F", "0b11", "1_000", "12:30:45", "1:30", "1.5e3", "1e3",
        "1.5e+3", ".inf", ".NaN", "2026-01-02", "2026-01-02 03:04:05", "- a", "? a", "a: b", "a #b", "#", "&a", "*a", "!a", "|", ">", "%",
        "@", "`", "[", "{", "'", '"', "a\tb", "\ta", "a ", "a\nb", "a\n", "\x85", "\u2028", "\ufeff", "\x7f", "\x9f", "\ufffe", "---", "...",
    ],
    "keys that YAML misreads": {"yes": 1, "010": 2, "null": 3, "": 4, "=": 5, "<<": 6, "2026-01-02": 7, "k" * 2000: 8, "ż" * 500: 9},
    "long lines": ["word " * 100, "x" * 500, " ".join("it's"  for _ in range(60))],
    "the same twice": (lambda one: [one, one, {"again": one}])({"a": [1]}),
    "task": [["order-4711", 42, 19.99, True, None, ["a", "b"], {"sku": "ABC-1", "note": "zażółć"}], {"user_id": 12345}, {"callbacks": None}],
}

#: Texts as others may write them, read by PyYAML.
YAML_TEXTS = [
    *("yes Yes YES yEs no No NO on On ON off Off OFF true True TRUE tRUE false y Y n N null Null NULL nULL ~".split()),
    *("0 00 07 08 010 -010 +010 0o10 0x1F -0x1f 0xG 0x 0b101 -0b1 0b2 0b 1_000 _1 1__0 0_ +5 -5 +-5 1: 12e3 1e3 1.e3 1.5e3 1.5e+3".split()),
    *("1.5E-3 1. -1. .5 -.5 +.5 ._5 1_0.5_0 .inf -.inf +.Inf .INF .iNF .nan .NaN .NAN -.nan 1:30 -1:30 1:60 12:30:45 1:30.5 -1:2:3.25".split()),
    *("2026-01-02 2026-1-2 2026-13-01 2026-02-30 0000-01-01 2026-01-02T03:04:05 2026-01-02t03:04:05.5 2026-01-02T03:04:05Z".split()),
    "2026-01-02 03:04:05", "2026-01-02  3:04:05 Z", "2026-01-02 03:04:05.1234567", "2026-01-02 03:04:05 +5:30", "2026-01-02 03:04:05-03",
    "2026-01-02 03:04:05+24:00", "2026-01-02 25:04:05", "2026-01-02 03:04:05.", "2026-01-02T03:04:05+0530",
    "=", "<<", "{a: =}", "   ", "# only a comment", "---", "--- a", "a\n---\nb", "%YAML 1.1\n--- a", "%YAML 2.0\n--- a", "\ufeffa",
    "'1'", '"1"', "! 12", "!!str 12", '!!int "12"', "!!int a", '!!float "1"', "!!float a", "!!bool yes", "!!bool maybe", '!!null ""',
    "!!timestamp 2026-01-02", "!!timestamp a", "!!binary aGVsbG8=", "!!binary |\n  aGVs\n  bG8=\n", '!!binary "*"', "!!binary ż",
    "!foo a", "!!foo a", "!!python/name:os.system", "!!python/object/apply:os.system ['true']", "!!python/tuple [1]",
    "!!omap [a: 1, b: 2]", "!!omap [{a: 1, b: 2}]", "!!pairs [a: 1, a: 2]", "!!seq [1]", "!!map {a: 1}", "!!map [1]", "!!seq a", "!!str [1]",
    "{2: a, null: b, true: c, 1.5: d, 0x10: e}", "{a: 1, a: 2}", "? [a]\n: 1", "? {a: 1}\n: 1", "{a, b}", "{a: }", "[a, , b]", "[a: 1]",
    "{<<: {a: 1, b: 2}, a: 3}", "{a: 3, <<: {a: 1}}", "{<<: [{a: 1}, {a: 2, b: 2}]}", "{<<: 1}", "{<<: [1]}", "{'<<': {a: 1}}",
    "[&a 1, *a, &a 2, *a]", "[*a]", "&a [*a]", "a: &x {b: [1]}\nc: *x\nd: {<<: *x, e: 2}", "__proto__: {a: 1}\nconstructor: 2",
    "|\n  a\n   b\n\n  c\n", ">-\n  a\n  b\n\n  c\n", "|+\n  a\n\n", "a\n b\n\n c", "'it''s'", '"\\x41\\u017c\\U0001F407\\e\\N\\_\\L\\P\\0\\a\\v"', '"a\\\n  b"',
    '"\\q"', '"unfinished', "[1", "{a: 1", "a: b: c", "\tx: 1", "a:\tb", "- a\n b", "a\x00b", "a\x7fb", "a\x1bb", "[" * 40 + "]" * 40,
    "- - 1\n  - 2\n- {}", "a: 1 # comment", "a#b", "a: [b, c]#d", "key: |\n text", "@a", "`a", "%a", "a: 'b' c", "\"\\ud800\"",
]

#: Bytes as others may write them, read by msgpack.
MSGPACK_BYTES = [
    "c1", "0101", "ff", "e0", "7f", "cc01", "cd0001", "ce00000001", "cf0000000000000001", "cfffffffffffffffff", "d0ff", "d1ffff", "d2ffffffff",
    "d3ffffffffffffffff", "d38000000000000000", "ca3fc00000", "ca7fc00000", "cb3ff0000000000000", "cb7ff0000000000000", "cb7ff8000000000000",
    "d90161", "da000161", "db0000000161", "d901ff", "a3eda080", "a2c3", "a161", "a0", "c400", "c40161", "c5000161", "c60000000161", "c602",
    "90", "dc0000", "dc000101", "dd0000000101", "9101" "02", "92", "ddffffffff", "dd7fffffff01", "80", "de0000", "de0001a16101", "df00000001a16101",
    "dfffffffff", "c6ffffffff", "dbffffffff", "c9ffffffff05", "81a16101", "82a16101a16102", "810102", "81c001", "81c301", "819001", "818001",
    "81cb000000000000000001", "81d4050101", "81a9" + b"__proto__".hex() + "81a16101", "82ab" + b"constructor".hex() + "01a6" + b"toJSON".hex() + "02",
    "d42a01", "d47f01", "d48001", "d4fe01", "c70005", "c8000105ff", "c9000000010500", "d8" + "01" * 17, "d57200" + "01", "d4000", "d40000", "d67800000000",
    "d6ff00000001", "d6ffffffffff", "d7ff0000000000000001", "d7ffee6b27fc00000001", "d7ffffffffff00000001", "c70cff00000001ffffffffffffffff",
    "c70cff3b9ac9ff7fffffffffffffff", "c70cff3b9aca000000000000000001", "c70cff000000008000000000000000", "d4ff00", "d5ff0000", "c705ff0000000000",
    "91" * 500 + "01", "91" * 2000 + "01", "8162" + "00",
]


def formats():
    means = "json is the value as kombu writes it; error is the class of what kombu raises"
    return {
        "means": means,
        "values": {name: written(value) for name, value in {**VALUES, **MORE, **SETS}.items()},
        "refused": {name: written(value) for name, value in PYTHON_ONLY.items() if name not in ("set", "tuple")},
        "yaml": [{"text": text, **read("yaml", text.encode())} for text in YAML_TEXTS],
        "msgpack": [{"hex": text, **read("msgpack", bytes.fromhex(text))} for text in MSGPACK_BYTES if len(text) % 2 == 0],
    }


SETS = {"set": {"a"}, "empty set": set(), "dates twice": (lambda day: [day, day])(datetime.datetime(2026, 1, 2, tzinfo=UTC))}


def written(value):
    row = {"json": portable(value)}
    for name in TYPES:
        try:
            _, _, payload = kombu_dumps(value, name)
        except Exception as error:  # which class refuses is part of what is captured
            row[name] = {"error": type(error).__name__}
        else:
            row[name] = payload.hex() if isinstance(payload, bytes) else payload
    return row


def read(name, payload):
    try:
        return {"json": portable(kombu_loads(payload, TYPES[name], "utf-8" if name == "yaml" else "binary", accept={TYPES[name]}))}
    except Exception as error:
        return {"error": type(error).__name__}


def portable(value):
    try:
        return dumps(mark(value))
    except (TypeError, ValueError, RecursionError) as error:
        return f"unspeakable: {type(error).__name__}"


def mark(value, depth=0):
    """What JSON has no word for becomes an object of one key that says what it is."""
    if depth > 900:
        raise RecursionError
    if isinstance(value, (set, frozenset)):
        return {"$set": sorted((mark(item) for item in value), key=str)}
    if isinstance(value, msgpack.Timestamp):
        return {"$timestamp": [value.seconds, value.nanoseconds]}
    if isinstance(value, msgpack.ExtType):
        return {"$ext": [value.code, value.data]}
    if isinstance(value, dict):
        return {key: mark(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mark(item, depth + 1) for item in value]
    return value


def about():
    return {"msgpack": ".".join(map(str, msgpack.version[:3])), "yaml": yaml.__version__}
