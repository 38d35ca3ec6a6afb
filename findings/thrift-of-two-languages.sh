#!/usr/bin/env bash
# thrift 0.24.0 (JavaScript) and thrift 0.25.0 (Python), of Apache Thrift, write a field of a struct by the binary and
# by the compact protocol, and read that of the other.
# Expected: a number arrives as it was, by both protocols, or is refused.
# Seen: JavaScript takes the text of a long integer for hexadecimal digits by the binary protocol, for decimal ones by
# the compact protocol, and rounds it there.  It reads long integers as objects whose text is Infinity.  It writes
# numbers past their type as others, which Python refuses.  None of this is an error:
#   written by JavaScript            read by Python, binary  compact
#   i64 "10"                         16                      10
#   i64 "9007199254740993"           -8068452091138143853    9007199254740992
#   i32 3000000000                   -1294967296             -1294967296
#   i16 40000                        -25536                  40000
#   i64 1.9                          1                       1
#   written by Python                read by JavaScript
#   i64 9007199254740992             Infinity                Infinity
#   i64 9007199254740991             9007199254740991        9007199254740991
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet thrift==0.25.0
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund thrift@0.24.0
cat >write.js <<'JAVASCRIPT'
const { TBinaryProtocol, TBufferedTransport, TCompactProtocol, Thrift } = require("thrift");

const VALUES = [
  ["I64", "10"], ["I64", "9007199254740993"], ["I64", 1795928767123], ["I64", 1.9], ["I32", 3000000000],
  ["I16", 40000], ["I16", -5],
];
for (const [name, Protocol] of [["binary", TBinaryProtocol], ["compact", TCompactProtocol]]) {
  for (const [type, value] of VALUES) {
    const transport = new TBufferedTransport(null, (bytes) => {
      console.log(name, type, JSON.stringify(value), Buffer.from(bytes).toString("hex"));
    });
    const protocol = new Protocol(transport);
    protocol.writeStructBegin("ping");
    protocol.writeFieldBegin("count", Thrift.Type[type], 1);
    protocol[`write${type}`](value);
    protocol.writeFieldEnd();
    protocol.writeFieldStop();
    protocol.writeStructEnd();
    protocol.flush();
  }
}
JAVASCRIPT
cat >read.py <<'PYTHON'
import sys

from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.transport.TTransport import TMemoryBuffer

for line in sys.stdin:
    name, kind, value, written = line.split()
    buffer = TMemoryBuffer(bytes.fromhex(written))
    protocol = (TBinaryProtocol if name == "binary" else TCompactProtocol)(buffer)
    protocol.readStructBegin()
    protocol.readFieldBegin()
    print(name, kind, value, "read by Python as", getattr(protocol, f"read{kind}")())
PYTHON
cat >write.py <<'PYTHON'
import struct

from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.protocol.TProtocol import TProtocolException
from thrift.Thrift import TType
from thrift.transport.TTransport import TMemoryBuffer

VALUES = [("I64", 2**53 - 1), ("I64", 2**53), ("I32", 3000000000), ("I16", 40000)]
for name, make in (("binary", TBinaryProtocol), ("compact", TCompactProtocol)):
    for kind, value in VALUES:
        buffer = TMemoryBuffer()
        protocol = make(buffer)
        protocol.writeStructBegin("ping")
        protocol.writeFieldBegin("count", getattr(TType, kind), 1)
        try:
            getattr(protocol, f"write{kind}")(value)
        except (TProtocolException, struct.error):
            print(name, kind, value, "refused")
            continue
        protocol.writeFieldEnd()
        protocol.writeFieldStop()
        protocol.writeStructEnd()
        print(name, kind, value, buffer.getvalue().hex())
PYTHON
cat >read.js <<'JAVASCRIPT'
const fs = require("fs");
const { TBinaryProtocol, TBufferedTransport, TCompactProtocol } = require("thrift");

for (const line of fs.readFileSync(0, "utf8").trim().split("\n")) {
  const [name, type, value, hex] = line.split(" ");
  if (hex === "refused") {
    console.log(name, type, value, "refused by Python");
    continue;
  }
  const receive = TBufferedTransport.receiver((transport) => {
    const protocol = new (name === "binary" ? TBinaryProtocol : TCompactProtocol)(transport);
    protocol.readStructBegin();
    protocol.readFieldBegin();
    console.log(name, type, value, "read by JavaScript as", String(protocol[`read${type}`]()));
  });
  receive(Buffer.from(hex, "hex"));
}
JAVASCRIPT
(
  node write.js | venv/bin/python read.py
  venv/bin/python write.py | node read.js
) >seen.txt
cat seen.txt
diff seen.txt - <<'EXPECTED'
binary I64 "10" read by Python as 16
binary I64 "9007199254740993" read by Python as -8068452091138143853
binary I64 1795928767123 read by Python as 1795928767123
binary I64 1.9 read by Python as 1
binary I32 3000000000 read by Python as -1294967296
binary I16 40000 read by Python as -25536
binary I16 -5 read by Python as -5
compact I64 "10" read by Python as 10
compact I64 "9007199254740993" read by Python as 9007199254740992
compact I64 1795928767123 read by Python as 1795928767123
compact I64 1.9 read by Python as 1
compact I32 3000000000 read by Python as -1294967296
compact I16 40000 read by Python as 40000
compact I16 -5 read by Python as -5
binary I64 9007199254740991 read by JavaScript as 9007199254740991
binary I64 9007199254740992 read by JavaScript as Infinity
binary I32 3000000000 refused by Python
binary I16 40000 refused by Python
compact I64 9007199254740991 read by JavaScript as 9007199254740991
compact I64 9007199254740992 read by JavaScript as Infinity
compact I32 3000000000 refused by Python
compact I16 40000 refused by Python
EXPECTED
echo "as described"
