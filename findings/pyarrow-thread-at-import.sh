#!/usr/bin/env bash
# Importing PyArrow 26.0.1 on Linux starts a thread of jemalloc, also where jemalloc is not the allocator that PyArrow
# uses.  So a process that imports PyArrow and then forks has two threads when it forks, of which Python knows one.
# jemalloc_set_decay_ms() does not end the thread.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyarrow==26.0.1
cd "$folder"
for pool in mimalloc system jemalloc; do
  ARROW_DEFAULT_MEMORY_POOL=$pool venv/bin/python - <<'PYTHON'
from pathlib import Path
from threading import active_count


def threads():
    return sorted(path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm"))


before = threads()
import pyarrow as pa

after = threads()
pa.jemalloc_set_decay_ms(0)
print(f"allocator {pa.default_memory_pool().backend_name}: {before}, then {after}; Python counts {active_count()}")
assert len(before) == 1, before
assert len(after) == 2, after
assert "jemalloc_bg_thd" in after, after
assert threads() == after
PYTHON
done
echo "as described"
