"""Makes the stream of the example unless it is there; waits for the server.  Arguments: URL, name."""

import asyncio
import json
import sys
from typing import Any

import nats

URL, NAME = sys.argv[1:3]
CONFIG: dict[str, Any] = {
    "name": NAME,
    "subjects": [NAME],
    "storage": "file",
    "retention": "limits",
    "max_age": 7 * 86400 * 10**9,  # longer than the longest stop of a converter
    "discard": "new",  # a full stream refuses instead of forgetting
    "duplicate_window": 120 * 10**9,
}


async def make() -> None:
    """Ask the JetStream API until it answers."""
    while True:
        try:
            client = await nats.connect(URL, connect_timeout=2, max_reconnect_attempts=1)
            answer = await client.request(
                f"$JS.API.STREAM.CREATE.{NAME}", json.dumps(CONFIG).encode(), timeout=5
            )
            await client.close()
        except Exception:
            await asyncio.sleep(0.5)
            continue
        problem = json.loads(answer.data).get("error")
        if problem is not None:
            raise SystemExit(f"{NAME}: {problem['description']}")
        return


asyncio.run(make())
