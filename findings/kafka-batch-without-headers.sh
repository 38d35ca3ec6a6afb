#!/usr/bin/env bash
# confluent-kafka 2.16.1: Producer.produce_batch() takes a list of messages, each a dict like the arguments of
# produce().  Its documentation lists the key `timestamp`, and notes that headers are not supported.
# Expected: a timestamp is sent, and a message with headers is refused or marked as failed.
# Seen: the reverse.  A timestamp raises NotImplementedError.  Headers are checked (a wrong type raises), then dropped:
# the message counts as queued, has no `_error`, is reported as delivered, and arrives without them.
# produce() sends both (librdkafka's own mock of a broker):
#   produce(), headers          arrives with [('schema', b'ping/4')]
#   produce(), timestamp        arrives with the timestamp 1000
#   produce_batch(), headers    queued, delivered without an error, arrives with None
#   produce_batch(), timestamp  NotImplementedError
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet confluent-kafka==2.16.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import time

from confluent_kafka import Consumer, Producer

HEADERS = [("schema", b"ping/4")]
WITHIN_SECONDS = 60

reports = {}
# The mock says on stderr that it is in use.
producer = Producer({"test.mock.num.brokers": 1, "log_level": 3})
brokers = producer.list_topics(timeout=WITHIN_SECONDS).brokers.values()


def report(error, message):
    reports[message.value()] = error


producer.produce("pings", b"one by one", headers=HEADERS, timestamp=1000, on_delivery=report)
message = {"value": b"in a batch", "headers": HEADERS}
queued = producer.produce_batch("pings", [message], on_delivery=report)
try:
    producer.produce_batch("pings", [{"value": b"with a timestamp", "timestamp": 1000}])
except NotImplementedError as error:
    refused = type(error).__name__
else:
    refused = "queued"
try:
    producer.produce_batch("pings", [{"value": b"with wrong headers", "headers": 7}])
except ValueError:
    are_headers_checked = True
else:
    are_headers_checked = False
assert producer.flush(WITHIN_SECONDS) == 0

consumer = Consumer(
    {
        "bootstrap.servers": ",".join(f"{broker.host}:{broker.port}" for broker in brokers),
        "group.id": "reader",
        "auto.offset.reset": "earliest",
    }
)
consumer.subscribe(["pings"])
arrived = {}
end = time.monotonic() + WITHIN_SECONDS
while len(arrived) < 2 and time.monotonic() < end:
    received = consumer.poll(1)
    if received is not None and received.error() is None:
        arrived[received.value()] = received.headers(), received.timestamp()[1]
consumer.close()

headers, timestamp = arrived[b"one by one"]
batch_headers, _ = arrived[b"in a batch"]
print(f"produce(), headers          arrives with {headers}")
print(f"produce(), timestamp        arrives with the timestamp {timestamp}")
print(f"produce_batch(), headers    queued {queued}, error {reports[b'in a batch']}, arrives with {batch_headers}")
print(f"produce_batch(), timestamp  {refused}")
assert (headers, timestamp) == (HEADERS, 1000)
assert queued == 1 and "_error" not in message and reports[b"in a batch"] is None and batch_headers is None
assert refused == "NotImplementedError" and are_headers_checked
PYTHON
echo "as described"
