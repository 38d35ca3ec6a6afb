#!/usr/bin/env bash
# statsd 0.9.0 (npm, the server) gets four timings of 20 ms, which stand for forty: each is sent with `@0.1`, as its
# documentation shows.  A counter is sampled in the same way.
# Expected: the sum of the timer belongs to its count, as the counter is multiplied by ten: 800 ms for 40 timings.
# Seen: the count is multiplied, and so is the count a second, but the sum is not, so that sum divided by count is a
# tenth of the mean beside it:
#   counter             40
#   timer, count        40
#   timer, sum          80
#   timer, sum_90       80
#   timer, mean         20
# Needs Node.js 18 or newer and npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund statsd@0.9.0 >/dev/null
cat > flush.cjs <<'JAVASCRIPT'
const assert = require("assert");
const dgram = require("dgram");
const fs = require("fs");
const { spawn } = require("child_process");

const PACKETS = Array(4).fill("started:1|c|@0.1\nstart_time:20|ms|@0.1");

async function freePort() {
  const socket = dgram.createSocket("udp4");
  await new Promise((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  socket.close();
  return port;
}

async function main() {
  const [port, adminPort] = [await freePort(), await freePort()];
  fs.writeFileSync(
    "backend.js",
    `exports.init = (start, config, events) => {
      events.on("flush", (time, metrics) => process.send(metrics));
      return true;
    };`,
  );
  const config = {
    port, address: "127.0.0.1", mgmt_port: adminPort, mgmt_address: "127.0.0.1", flushInterval: 1000,
    backends: [`${process.cwd()}/backend.js`], percentThreshold: [90],
  };
  fs.writeFileSync("config.js", JSON.stringify(config));
  const server = spawn(process.execPath, ["node_modules/statsd/stats.js", "config.js"], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const client = dgram.createSocket("udp4");
  let isSent = false;
  const metrics = await new Promise((resolve, reject) => {
    server.on("exit", () => reject(new Error("the server has ended")));
    server.on("message", (flushed) => {
      // The first flush shows that the server listens.  All four packets are counted by one flush.
      if (!isSent) PACKETS.forEach((packet) => client.send(packet, port, "127.0.0.1"));
      isSent = true;
      if (flushed.timers.start_time?.length > 0) resolve(flushed);
    });
  });
  server.removeAllListeners("exit");
  server.kill();
  client.close();
  const timer = metrics.timer_data.start_time;
  const seen = {
    counter: metrics.counters.started, "timer, count": timer.count, "timer, sum": timer.sum,
    "timer, sum_90": timer.sum_90, "timer, mean": timer.mean,
  };
  for (const [name, number] of Object.entries(seen)) console.log(name.padEnd(19), number);
  assert.deepStrictEqual(Object.values(seen), [40, 40, 80, 80, 20]);
}

main();
JAVASCRIPT
node flush.cjs
echo "as described"
