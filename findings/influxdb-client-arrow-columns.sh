#!/usr/bin/env bash
# influxdb-client 1.50.0 and influxdb3-python 0.21.0 write a table of pandas 3.1.1 as line protocol, once with the
# plain types of its columns and once with those of PyArrow, as read_parquet(dtype_backend="pyarrow") gives them.
# Expected: the same line, as the values are equal.
# Seen: numbers and booleans of PyArrow's types are written as texts in quotes, without an error.  InfluxDB stores such
# a field as text, or refuses the points where the field was a number before.  A length of time is written as a text
# with an i after it, which is no value of the line protocol at all:
#   plain      pings is_default=True,n=7i,seconds=0.5
#   PyArrow    pings is_default="True",n="7",seconds="0.5"
#   timedelta  pings uptime=0 days 00:00:05i
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet influxdb-client==1.50.0 influxdb3-python==0.21.0 pandas==3.1.1 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import pandas as pd
from influxdb_client.client.write.dataframe_serializer import data_frame_to_list_of_points as by_client
from influxdb_client.client.write_api import PointSettings
from influxdb_client_3.write_client.client.write.dataframe_serializer import (
    data_frame_to_list_of_points as by_client_3,
)
from influxdb_client_3.write_client.client.write_api import PointSettings as PointSettings3

TIMES = pd.to_datetime(["2026-11-29T10:00:00Z"])
plain = pd.DataFrame({"n": [7], "seconds": [0.5], "is_default": [True]}, index=TIMES)
plain.reset_index().to_parquet("pings.parquet")
of_arrow = pd.read_parquet("pings.parquet", dtype_backend="pyarrow").set_index("index")
of_arrow.index = TIMES
assert (of_arrow == plain).all(axis=None)
of_times = pd.DataFrame({"uptime": pd.to_timedelta(["5s"])}, index=TIMES)


def line(table):
    [point] = by_client(table, PointSettings(), "s", data_frame_measurement_name="pings")
    assert [point] == by_client_3(table, PointSettings3(), "s", data_frame_measurement_name="pings")
    fields, time = point.rsplit(" ", 1)
    assert time == "1795946400"
    measurement, values = fields.split(" ", 1)
    return measurement, sorted(values.split(","))


WANTED = {
    "plain": (plain, ["is_default=True", "n=7i", "seconds=0.5"]),
    "PyArrow": (of_arrow, ['is_default="True"', 'n="7"', 'seconds="0.5"']),
    "timedelta": (of_times, ["uptime=0 days 00:00:05i"]),
}
for name, (table, wanted) in WANTED.items():
    measurement, values = line(table)
    print(f"{name:<10} {measurement} {','.join(values)}")
    assert (measurement, values) == ("pings", wanted)
PYTHON
echo "as described"
