"""What an expression of the suites may name."""

import datetime
import decimal
import uuid

import msgpack
from points import Point  # noqa: F401

UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
Timestamp, ExtType = msgpack.Timestamp, msgpack.ExtType
Decimal, UUID = decimal.Decimal, uuid.UUID
