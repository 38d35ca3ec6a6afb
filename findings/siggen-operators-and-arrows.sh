#!/usr/bin/env bash
# siggen 2.2.20241029 (PyPI, of Mozilla) makes the signatures by which crashes of Firefox are counted.
# Expected: a signature is the name of the function without its types and arguments, so that crashes in functions with
# different names have different signatures.
# Seen: `<` of an operator and `->` or `>` of a type are taken for brackets, without a note.  The operators <, <=, <<
# and <=> have one signature, a function that returns a pointer to a function has the signature "void", and a name in
# Rust with the type of a function keeps only its end.  Methods of all tuples have one signature:
#   function                                 signature
#   Span::operator>(Span const&)             Span::operator>
#   Span::operator>=(Span const&)            Span::operator>=
#   Span::operator<(Span const&)             Span::operator<T>
#   Span::operator<=(Span const&)            Span::operator<T>
#   Span::operator<<(Span const&)            Span::operator<T>
#   Span::operator<=>(Span const&)           Span::operator<T>
#   void (*Handlers::find<int>(int))(char)   void
#   Pool<(2 > 1)>::grow(int)                 Pool<T> 1)>::grow
#   Map<(lambda()->int)>::grow(int)          Map<T>int)>::grow
#   <Pool as Drop>::drop                     <Pool as Drop>::drop
#   <(Pool, u32) as Hash>::hash              < as Hash>::hash
#   <(Timer, u32) as Hash>::hash             < as Hash>::hash
#   Task<fn(u32) -> Reply>::run              Reply>::run
#   Timer<fn(u64) -> Reply>::run             Reply>::run
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet siggen==2.2.20241029
cd "$folder"
cat >seen.py <<'PYTHON'
from siggen.generator import SignatureGenerator

CPP = [
    "Span::operator>(Span const&)",
    "Span::operator>=(Span const&)",
    "Span::operator<(Span const&)",
    "Span::operator<=(Span const&)",
    "Span::operator<<(Span const&)",
    "Span::operator<=>(Span const&)",
    "void (*Handlers::find<int>(int))(char)",
    "Pool<(2 > 1)>::grow(int)",
    "Map<(lambda()->int)>::grow(int)",
]
RUST = [
    "<Pool as Drop>::drop",
    "<(Pool, u32) as Hash>::hash",
    "<(Timer, u32) as Hash>::hash",
    "Task<fn(u32) -> Reply>::run",
    "Timer<fn(u64) -> Reply>::run",
]
generator = SignatureGenerator()
for functions, file in ((CPP, "span.cpp"), (RUST, "pool.rs")):
    for function in functions:
        path = f"hg:hg.mozilla.org/mozilla-central:{file}:0a"
        frame = {"frame": 0, "module": "libxul.so", "function": function, "file": path, "line": 10}
        crash = {"os": "Linux", "crashing_thread": 0, "threads": [{"frames": [frame]}]}
        result = generator.generate(crash)
        print(f"{function:40} {result.signature}", *result.notes)
PYTHON
venv/bin/python seen.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
Span::operator>(Span const&)             Span::operator>
Span::operator>=(Span const&)            Span::operator>=
Span::operator<(Span const&)             Span::operator<T>
Span::operator<=(Span const&)            Span::operator<T>
Span::operator<<(Span const&)            Span::operator<T>
Span::operator<=>(Span const&)           Span::operator<T>
void (*Handlers::find<int>(int))(char)   void
Pool<(2 > 1)>::grow(int)                 Pool<T> 1)>::grow
Map<(lambda()->int)>::grow(int)          Map<T>int)>::grow
<Pool as Drop>::drop                     <Pool as Drop>::drop
<(Pool, u32) as Hash>::hash              < as Hash>::hash
<(Timer, u32) as Hash>::hash             < as Hash>::hash
Task<fn(u32) -> Reply>::run              Reply>::run
Timer<fn(u64) -> Reply>::run             Reply>::run
EXPECTED
echo "as described"
