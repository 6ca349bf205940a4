"""The app of app.py with signing set up: TQ_CONF has the security settings, TQ_SIGNED the serializer inside."""

import os

from app import app

app.setup_security(serializer=os.environ.get("TQ_SIGNED", "json"))
