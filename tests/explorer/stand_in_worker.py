"""A worker that speaks the protocol and trains nothing, for faults that a real one shows rarely."""

from __future__ import annotations

import json
import os
import sys
import time

owner = os.getppid()
fault = os.environ.get("STAND_IN_FAULT", "")


def send(event: str, job: str | None, **fields: object) -> None:
    """Write one event."""
    print(json.dumps({"id": job, "event": event, **fields}), flush=True)


if fault and os.path.exists(fault):
    print("the library is missing", file=sys.stderr)
    sys.exit(3)
print("a line that is no event", flush=True)
send("ready", None, pid=os.getpid())
for line in sys.stdin:
    command = json.loads(line)
    if command["command"] == "fetch_graph":
        send("failed", command["id"], note="no such graph")
    elif command["command"] == "search":
        for trials in (1, 2):
            share = trials / 2
            send("searching", command["id"], what=f"run {trials}", share=share, trials=trials)
        send("finished", command["id"], key="k")
    elif command["command"] == "run":
        send("started", command["id"], key="k", epochs=4, merit="accuracy")
        seed = command["spec"].get("seed", 0)
        for epoch in range(1, 5):
            record = {"epoch": epoch, "loss": 1.0 / epoch, "train": 0.5, "validation": 0.5}
            send("epochs", command["id"], epochs=[{**record, "seconds_left": 4.0 - epoch}])
            if epoch == 2 and seed == 13:
                os.kill(os.getpid(), 9)
            if epoch == 2 and seed == 99:
                while os.getppid() == owner:
                    time.sleep(0.05)
            time.sleep(0.02)
        send("finished", command["id"], key="k")
