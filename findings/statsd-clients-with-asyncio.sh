#!/usr/bin/env bash
# asynctelegraf 1.0.1 and aio-statsd 0.2.9 (Python, asyncio) send metrics by the protocol of StatsD.
# Expected: the global tags are on each metric.  A block of 50 ms is sent as 50 ms.  What was sent in a `with` block
# arrives.  increment() of aio-statsd's three clients counts, and an increment by 0 changes nothing.
# Seen: asynctelegraf puts its global tags only on metrics that have tags of their own.  With use_ms=True it sends a
# time that is a thousand times as long.  It drops what waits at the end of the block.  aio-statsd's StatsdClient and
# TelegrafStatsdClient send increment() as the change of a gauge, and a decrement by 0 sets the gauge to 0.  None of
# this is an error:
#   asynctelegraf, global tag channel:beta             sent
#     incr("started")                                  started:1|c, no tag
#     incr("started", tags={"os": "linux"})            channel:beta and os:linux
#     timed("load"), 50 ms                             50 ms or some more
#     timed("load", use_ms=True), 50 ms                50000 ms or some more
#     100 metrics, end of `with`                       less than 10
#   aio-statsd
#     DogStatsdClient.increment("started", 1)          started:1|c
#     StatsdClient.increment("started", 1)             started:+1|g
#     StatsdClient.decrement("started", 0)             started:0|g
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet asynctelegraf==1.0.1 aio-statsd==0.2.9
cd "$folder"
cat >seen.py <<'PYTHON'
import asyncio
import socket
import time

from aio_statsd import DogStatsdClient, StatsdClient, TelegrafStatsdClient
from asynctelegraf import TelegrafClient

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.setblocking(False)
PORT = server.getsockname()[1]


async def received():
    await asyncio.sleep(0.5)
    lines = []
    while True:
        try:
            lines += server.recv(65536).decode().split("\n")
        except BlockingIOError:
            return [line for line in lines if line]


def show_time(line):
    milliseconds = float(line.split(":")[1].split("|")[0])
    if milliseconds >= 50_000:
        return "50000 ms or some more"
    return "50 ms or some more" if milliseconds >= 50 else line


async def main():
    async with TelegrafClient("127.0.0.1", PORT, global_tags={"channel": "beta"}) as client:
        client.incr("started")
        client.incr("started", tags={"os": "linux"})
        for line in await received():
            print("asynctelegraf", line)
        for use_ms in (False, True):
            with client.timed("load", use_ms=use_ms):
                time.sleep(0.05)
            print(f"asynctelegraf, use_ms={use_ms}:", *map(show_time, await received()))
    async with TelegrafClient("127.0.0.1", PORT) as client:
        await asyncio.sleep(0.2)
        for _ in range(100):
            client.incr("page")
    print("asynctelegraf, sent of 100 metrics:", "less than 10" if len(await received()) < 10 else "10 or more")

    for make in (DogStatsdClient, StatsdClient, TelegrafStatsdClient):
        async with make(host="127.0.0.1", port=PORT) as client:
            client.increment("started", 1)
            client.decrement("started", 0)
            print("aio-statsd", make.__name__, *await received())


asyncio.run(main())
PYTHON
venv/bin/python seen.py >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
asynctelegraf started:1|c
asynctelegraf started:1|c|#channel:beta,os:linux
asynctelegraf, use_ms=False: 50 ms or some more
asynctelegraf, use_ms=True: 50000 ms or some more
asynctelegraf, sent of 100 metrics: less than 10
aio-statsd DogStatsdClient started:1|c started:0|c
aio-statsd StatsdClient started:+1|g started:0|g
aio-statsd TelegrafStatsdClient started:+1|g started:0|g
EXPECTED
echo "as described"
