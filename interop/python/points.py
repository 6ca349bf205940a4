"""A type of a user's own in kombu's JSON."""

from dataclasses import dataclass


@dataclass
class Point:
    x: int
    y: int


try:
    from kombu.utils.json import register_type
except ImportError:  # kombu before 5.3 has no typed values
    pass
else:
    register_type(Point, "point", lambda point: [point.x, point.y], lambda pair: Point(*pair))
