"""Virtual envelopes: the files and tables of kombu's filesystem transport."""

import pathlib
import re
import tempfile

from . import frozen
from .golden_app import make_app


def envelopes():
    with tempfile.TemporaryDirectory() as folder:
        spool, control = pathlib.Path(folder, "spool"), pathlib.Path(folder, "control")
        spool.mkdir()
        control.mkdir()
        options = {"data_folder_in": str(spool), "data_folder_out": str(spool), "control_folder": str(control)}
        app = make_app("filesystem://", broker_transport_options=options)
        frozen.restart()
        app.tasks["golden.add"].apply_async((2, 3), priority=3, headers={"x-custom": 1})
        app.tasks["golden.add"].apply_async((4, 5), queue="other", expires=60)
        return {
            "means": "each file of the spool folder by its name, and each exchange table of the control folder",
            "messages": {re.sub(r"^[0-9]+_", "0_", path.name): path.read_text() for path in sorted(spool.iterdir())},
            "tables": {path.name: path.read_text() for path in sorted(control.iterdir())},
        }
