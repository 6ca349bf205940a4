"""Bodies as each of kombu's compressions writes them."""

import base64

from kombu import compression

TEXTS = {
    "empty": b"",
    "short": b"[[1, 2], {}, {}]",
    "unicode": "zażółć gęślą jaźń 漢字 🐇".encode(),
    "repeated": b"abc" * 2000,
    "every byte": bytes(range(256)) * 4,
}


def compressions():
    return {
        "means": "the base64 of each text, and of what kombu.compression.compress makes of it, by mime type",
        "texts": {name: encoded(text) for name, text in TEXTS.items()},
        "bodies": {
            mime: {name: encoded(compression.compress(text, mime)[0]) for name, text in TEXTS.items()}
            for mime in sorted(compression.encoders())
        },
    }


def encoded(data):
    return base64.b64encode(data).decode()
