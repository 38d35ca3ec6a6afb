#!/usr/bin/env bash
# fsspec 2026.9.0: get(), put() and copy() of a list of paths, such as what find() or glob() returns, whose files have
# equal names in several folders, as the parts of a table have.
# Expected: the folders below the common one are kept, as for the pattern that gives the same list, or an error.
# Seen: each file is written under its own name alone, so the parts of one day overwrite those of another, without an
# error.  s3fs 2026.9.0 does the same with a bucket:
#   get(find("/raw"), …)    ['part-0']
#   get(glob(…), …)         ['part-0']
#   get("/raw/*/*", …)      ['20261128/part-0', '20261129/part-0']
#   put(list, …)            ['part-0']
#   put("out/*/*", …)       ['20261128/part-0', '20261129/part-0']
#   copy(list, …)           ['part-0']
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet fsspec==2026.9.0
cd "$folder"
venv/bin/python - <<'PYTHON'
from pathlib import Path

import fsspec

PARTS = {"20261128/part-0": b"first day", "20261129/part-0": b"second day"}
store = fsspec.filesystem("memory")
store.pipe({f"/raw/{name}": content for name, content in PARTS.items()})
for name, content in PARTS.items():
    Path("out", name).parent.mkdir(parents=True)
    Path("out", name).write_bytes(content)


def got(number, paths):
    target = Path(f"got-{number}")
    target.mkdir()
    store.get(paths, f"{target}/")
    return sorted(str(path.relative_to(target)) for path in target.rglob("*") if path.is_file())


def stored(name, write, paths):
    store.mkdir(f"/{name}")
    write(paths, f"/{name}/")
    return [path.removeprefix(f"/{name}/") for path in store.find(f"/{name}")]


seen = {
    'get(find("/raw"), …)': got(1, store.find("/raw")),
    "get(glob(…), …)": got(2, store.glob("/raw/*/*")),
    'get("/raw/*/*", …)': got(3, "/raw/*/*"),
    "put(list, …)": stored("put-list", store.put, [f"out/{name}" for name in PARTS]),
    'put("out/*/*", …)': stored("put-pattern", store.put, "out/*/*"),
    "copy(list, …)": stored("copied", store.copy, store.find("/raw")),
}
for name, files in seen.items():
    print(f"{name:<23} {files}")
both, one = list(PARTS), ["part-0"]
assert list(seen.values()) == [one, one, both, one, both, one]
PYTHON
echo "as described"
