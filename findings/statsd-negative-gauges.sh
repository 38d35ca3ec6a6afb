#!/usr/bin/env bash
# Five clients of StatsD set a gauge to 3, to -5 and to -5 again, and count 0 events three times.  The server is statsd
# 0.9.0 (npm).  The clients are statsd 4.0.1 (Python), hot-shots 17.1.1, statsd-client 0.4.7, lynx 0.2.0 and node-statsd
# 0.1.1 (JavaScript).
# Expected: the gauge is -5.  hot-shots and statsd-client have gaugeDelta() for changes.  The counter is 0.
# Seen: the server takes a gauge with a sign for a change.  The client for Python sends a 0 first, but those for
# JavaScript send the number as it is, without an error.  node-statsd takes 0 for 1, as if no number was given:
#                   gauge  counter
#   Python statsd   -5     0
#   hot-shots       -7     0
#   statsd-client   -7     0
#   lynx            -7     0
#   node-statsd     -7     3
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet statsd==4.0.1
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund statsd@0.9.0 hot-shots@17.1.1 statsd-client@0.4.7 lynx@0.2.0 \
  node-statsd@0.1.1 >/dev/null
cat >send.py <<'PYTHON'
import sys

from statsd import StatsClient

client = StatsClient("127.0.0.1", int(sys.argv[1]))
for degrees in (3, -5, -5):
    client.gauge("Python statsd", degrees)
for _ in range(3):
    client.incr("Python statsd", 0)
PYTHON
cat > seen.cjs <<'JAVASCRIPT'
const dgram = require("dgram");
const fs = require("fs");
const net = require("net");
const { execFileSync, spawn } = require("child_process");
const { StatsD: HotShots } = require("hot-shots");
const Lynx = require("lynx");
const { StatsD: NodeStatsD } = require("node-statsd");
const StatsDClient = require("statsd-client");

async function freePort() {
  const socket = dgram.createSocket("udp4");
  await new Promise((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  await new Promise((resolve) => socket.close(resolve));
  return port;
}

async function freeTcpPort() {
  const listener = net.createServer();
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function send(port) {
  execFileSync("venv/bin/python", ["send.py", String(port)]);
  const host = "127.0.0.1";
  const clients = [
    ["hot-shots", new HotShots({ host, port }), "increment"],
    ["statsd-client", new StatsDClient({ host, port, maxBufferSize: 0 }), "counter"],
    ["lynx", new Lynx(host, port), "count"],
    ["node-statsd", new NodeStatsD({ host, port }), "increment"],
  ];
  for (const [name, client, count] of clients) {
    for (const degrees of [3, -5, -5]) {
      client.gauge(name, degrees);
      await pause(20);
    }
    for (let times = 0; times < 3; times++) client[count](name, 0);
  }
}

async function main() {
  const [port, adminPort] = [await freePort(), await freeTcpPort()];
  fs.writeFileSync(
    "backend.js",
    `exports.init = (start, config, events) => {
      events.on("flush", (time, metrics) => process.send(metrics));
      return true;
    };`,
  );
  const config = {
    port, address: "127.0.0.1", mgmt_port: adminPort, mgmt_address: "127.0.0.1", flushInterval: 1000,
    keyNameSanitize: false, backends: [`${process.cwd()}/backend.js`],
  };
  fs.writeFileSync("config.js", JSON.stringify(config));
  const server = spawn(process.execPath, ["node_modules/statsd/stats.js", "config.js"], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  server.on("exit", () => {
    console.error("the server has ended");
    process.exit(1);
  });
  const counters = {};
  let gauges = {};
  let flushes = 0;
  server.on("message", (flushed) => {
    flushes += 1;
    gauges = flushed.gauges;
    for (const [name, count] of Object.entries(flushed.counters)) counters[name] = (counters[name] ?? 0) + count;
  });
  // The first flush shows that the server listens.
  while (flushes === 0) await pause(50);
  await send(port);
  const sent = flushes;
  while (flushes < sent + 2) await pause(50);
  for (const name of ["Python statsd", "hot-shots", "statsd-client", "lynx", "node-statsd"]) {
    console.log(`${name}: ${gauges[name]}, ${counters[name]}`);
  }
  server.removeAllListeners("exit");
  server.kill();
  process.exit(0);
}

main();
JAVASCRIPT
node --no-warnings seen.cjs >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
Python statsd: -5, 0
hot-shots: -7, 0
statsd-client: -7, 0
lynx: -7, 0
node-statsd: -7, 3
EXPECTED
echo "as described"
