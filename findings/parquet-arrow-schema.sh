#!/usr/bin/env bash
# PyArrow 26.0.1 writes the Arrow schema into a Parquet file.  A text column that was a dictionary in memory is
# then a dictionary for PyArrow and Polars 2.1.0 as well, whatever the Parquet types say, and a filter on it no
# longer skips row groups by their statistics.  store_schema=False gives text, and row groups are skipped.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1 polars==2.1.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import polars
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

metric = pa.array([f"METRIC_{number // 1000:03}" for number in range(100_000)]).dictionary_encode()
table = pa.table({"metric": metric, "n": pa.array(range(100_000))})
kept = {}
for name, store in (("with", True), ("without", False)):
    pq.write_table(table, f"{name}.parquet", row_group_size=10_000, store_schema=store)
    dataset = ds.dataset(f"{name}.parquet")
    [fragment] = dataset.get_fragments()
    kept[name] = len(fragment.split_by_row_group(ds.field("metric") == "METRIC_007", dataset.schema))
    print(f"{name} the Arrow schema: PyArrow {dataset.schema.field('metric').type}, Polars "
          f"{polars.read_parquet(f'{name}.parquet').schema['metric']}, row groups left by a filter: {kept[name]} of 10")
assert pa.types.is_dictionary(ds.dataset("with.parquet").schema.field("metric").type)
assert ds.dataset("without.parquet").schema.field("metric").type == pa.string()
assert kept == {"with": 10, "without": 1}
PYTHON
echo "as described"
