"""Job files: what their functions get, what they may write, and what becomes of it."""

import json

import pytest

from tests.mapreduce.original_jobs import ORIGINAL_JOBS, SUM
from tests.support.running_server import telemetry_server
from tests.support.sizes import IS_FULL
from tests.support.terminal import shown_on_terminal

# Mappers and reducers: each number of both; every pair in `make full`.
PAIRS = (
    [(m, r) for m in range(1, 5) for r in range(1, 4)]
    if IS_FULL
    else [(1, 1), (2, 3), (3, 2), (4, 1), (4, 3)]
)
COUNT = 'def map(key, dims, value, context):\n    context.write("n", 1)\n'


def test_a_count_of_all_records_is_one_line(jobs):
    """With combine = reduce = sum."""
    assert jobs.output(COUNT + SUM) == ["n\t300"]


def test_without_reduce_every_pair_is_output(jobs):
    """One line for each, also where the job has combine."""
    combine = "def combine(key, values, context):\n    context.write(key, sum(values))\n"

    assert jobs.output(COUNT + combine) == ["n\t1"] * 300


@pytest.mark.parametrize("original", ORIGINAL_JOBS, ids=lambda job: job.name)
def test_jobs_in_the_style_of_the_original_equal_a_plain_loop(jobs, lines, original):
    """And the bytes do not depend on the numbers of mappers and reducers."""
    expected = original.expected(lines)
    assert expected

    for mappers, reducers in ((1, 1), (4, 3)):
        output = jobs.output(original.text, "-m", str(mappers), "--num-reducers", str(reducers))

        assert output == expected


@pytest.mark.slow
@pytest.mark.parametrize("original", ORIGINAL_JOBS, ids=lambda job: job.name)
def test_the_bytes_depend_on_no_number_of_processes_and_no_hash_seed(jobs, original):
    """One to four mappers, one to three reducers, two hash seeds in turn."""
    job = str(jobs.write(original.text))
    found = set()
    for mappers, reducers in PAIRS:
        words = ["mapreduce", job, *jobs.always, "-m", str(mappers), "-r", str(reducers)]
        done = telemetry_server(*words, PYTHONHASHSEED=str(1 + (mappers + reducers) % 2))
        assert done.returncode == 0
        found.add(done.stdout)

    assert len(found) == 1


def test_equal_keys_are_one_key_and_the_first_gives_the_text(jobs):
    """1, 1.0 and True, whichever mapper and reducer they meet."""
    text = """
    import json
    def map(key, dims, value, context):
        n = json.loads(value)["n"]
        context.write((1, 1.0, True)[n % 3], 1)
        context.write((0, (1.0, "x")), n)
        context.write((False, (True, "x")), n)
    def reduce(key, values, context):
        context.write(key, len(values))
    """
    first, second = jobs.output(text, "-m", "3", "-r", "3")

    assert first == "(0, (1.0, 'x'))\t600"
    assert second in ("1\t300", "1.0\t300", "True\t300")
    assert [first, second] == jobs.output(text, "-m", "1", "-r", "1")


def test_keys_are_sorted_by_their_text(jobs):
    """As it is written, whatever their types."""
    text = """
    KEYS = [True, False, None, 10, 9, 2.0, 2.5, "10", "b", b"a", (1, 2), ("x",), float("nan"), "True"]
    def map(key, dims, value, context):
        for key in KEYS:
            context.write(key, 0)
    def reduce(key, values, context):
        context.write(key, len(values))
    """
    keys = [line.partition("\t")[0] for line in jobs.output(text, "-r", "2")]

    assert keys == sorted(keys)
    assert len(keys) == 14


def test_values_of_a_key_come_in_order_of_path_and_line(jobs, lines):
    """As `cat converted` prints the records."""
    text = """
    def map(key, dims, value, context):
        context.write(dims[-1], key)
    def reduce(key, values, context):
        context.write(key, " ".join(values))
    """
    by_day: dict[str, list[str]] = {}
    for key, record in lines:
        day = json.loads(record)["metadata"]["submission_timestamp"][:10].replace("-", "")
        by_day.setdefault(day, []).append(key)

    assert jobs.output(text) == [f"{day}\t{' '.join(keys)}" for day, keys in sorted(by_day.items())]


def test_a_job_can_change_separators_and_write_csv_and_lines(jobs):
    """What `setup_reduce` writes comes once, first."""
    text = """
    def map(key, dims, value, context):
        context.write(dims[2], 1)
    def setup_reduce(context):
        context.field_separator = "|"
        context.record_separator = ";"
        context.writeline("channels")
    def reduce(key, values, context):
        context.writecsv([key, 'say "a, b"', len(values)])
        context.write(key, 0)
    """
    output, _ = jobs.run(text, "-r", "3", "-o", str(jobs.folder / "out"))

    assert output == ""
    rows = [f'{name},"say ""a, b""",100\r\n{name}|0;' for name in ("aurora", "beta", "nightly")]
    assert (jobs.folder / "out").read_bytes().decode() == "channels;" + "".join(rows)


def test_a_job_can_ask_for_parsed_records(jobs, lines):
    """`parsed = True`."""
    text = """
    parsed = True
    def map(key, dims, value, context):
        context.write(value["info"]["OS"], value["n"])
    def reduce(key, values, context):
        context.write(key, sum(values))
    """
    sums: dict[str, int] = {}
    for _, record in lines:
        fields = json.loads(record)
        sums[fields["info"]["OS"]] = sums.get(fields["info"]["OS"], 0) + fields["n"]

    assert jobs.output(text) == [f"{name}\t{total}" for name, total in sorted(sums.items())]


def test_a_job_can_import_modules_beside_it(jobs):
    """Also inside of a function; no compiled files are left there."""
    jobs.write("NAME = 'a'", "beside_one.py")
    jobs.write("NAME = 'b'", "beside_two.py")
    text = """
    import beside_one
    def map(key, dims, value, context):
        import beside_two
        context.write(beside_one.NAME + beside_two.NAME, 1)
    """

    assert jobs.output(text) == ["ab\t1"] * 300
    assert jobs.left() == []


def test_what_a_job_prints_is_not_in_the_output(jobs):
    """It goes to stderr."""
    text = "print('loaded')\n" + COUNT + "    print('mapping')\n" + SUM

    assert jobs.output(text) == ["n\t300"]


def test_a_value_that_a_job_changes_later_stays_as_it_was_written(jobs):
    """The next record may fill the same list."""
    text = """
    ROW = []
    def map(key, dims, value, context):
        ROW.append(1)
        context.write(dims[0], ROW)
        ROW.clear()
    def reduce(key, values, context):
        context.write(key, all(value == [1] for value in values))
    """

    assert [line.partition("\t")[2] for line in jobs.output(text)] == ["True", "True"]


def test_json_prints_the_totals(jobs):
    """And nothing else, on stdout."""
    output, _ = jobs.run(COUNT + SUM, "--json", "--output", str(jobs.folder / "out"))
    totals = json.loads(output)

    assert set(totals) == {"files", "records", "skipped", "keys", "seconds"}
    assert (totals["records"], totals["skipped"], totals["keys"]) == (300, 0, 1)
    assert totals["files"] > 10
    assert jobs.left() == ["out"]


BAD = """
import json
def map(key, dims, value, context):
    n = json.loads(value)["n"]
    context.write("n", 1)
    if n < {bad}:
        {wrong}
"""


@pytest.mark.parametrize("wrong", ["{}['missing']", "int('x')", "len(5)"])
def test_a_bad_record_costs_only_itself(jobs, wrong):
    """KeyError, ValueError, TypeError: counted, and named with the line of the job."""
    output, said = jobs.run(BAD.format(bad=3, wrong=wrong) + SUM, "--max-bad", "1%")

    assert output == "n\t297\n"
    assert said.count("(job.py:7 in map)") == 3
    assert "skipped 00000000-0000-4000-8000-000000000000: " in said
    assert "297 records" not in said
    assert "3 skipped" in said


@pytest.mark.parametrize(("limit", "status"), [("1%", 1), ("3", 1), ("4", 0), ("2%", 0), ("0", 1)])
def test_too_many_bad_records_fail_the_job(jobs, limit, status):
    """A count or a share; no output file is written."""
    out = jobs.folder / "out"
    _, said = jobs.run(
        BAD.format(bad=4, wrong="{}['x']") + SUM, "--max-bad", limit, "-o", str(out), status=status
    )

    assert out.exists() == (status == 0)
    assert ("--max-bad" in said) == (status == 1)
    assert "KeyError: 'x' (job.py:7 in map)" in said


def test_ten_bad_records_are_shown(jobs):
    """The others are counted."""
    _, said = jobs.run(BAD.format(bad=30, wrong="{}['x']") + SUM, "--max-bad", "50%")

    assert said.count("KeyError") == 10
    assert "skipped 20 more" in said


FAILING = {
    "reduce raises": (
        COUNT + "def half(x): return 1 / x\ndef reduce(k, v, c): c.write(k, half(0))\n",
        "for key 'n': ZeroDivisionError: division by zero (job.py:3 in half, job.py:4 in reduce)",
    ),
    "reduce raises KeyError": (
        COUNT + "def reduce(k, v, c): {}['x']\n",
        "reduce failed for key 'n': KeyError: 'x' (job.py:3 in reduce)",
    ),
    "combine raises": (
        COUNT + "def reduce(k, v, c): c.write(k, 1)\ndef combine(k, v, c): int('x')\n",
        "combine failed for key 'n': ValueError: invalid literal",
    ),
    "combine writes two pairs": (
        COUNT + "def reduce(k, v, c): c.write(k, 1)\ndef combine(k, v, c):\n  c.write(k, 1); c.write(k, 2)\n",
        "combine wrote 2 pairs for key 'n'; it must write one",
    ),
    "combine writes nothing": (
        COUNT + "def reduce(k, v, c): c.write(k, 1)\ndef combine(k, v, c): pass\n",
        "combine wrote 0 pairs for key 'n'; it must write one",
    ),
    "combine writes another key": (
        COUNT + "def reduce(k, v, c): c.write(k, 1)\ndef combine(k, v, c): c.write('m', 1)\n",
        "combine wrote key 'm' for key 'n'; it must write the same key",
    ),
    "map raises something else": (
        "def map(k, d, v, c): 1 / 0\n",
        "ZeroDivisionError: division by zero (job.py:1 in map)",
    ),
    "map writes a set": (
        "def map(k, d, v, c): c.write('n', {1})\n",
        "it wrote a value of type set; values are text, bytes",
    ),
    "map writes a set and hides it": (
        "def map(k, d, v, c):\n  try: c.write('n', {1})\n  except Exception: pass\n",
        "it wrote a value of type set; values are text, bytes",
    ),
    "map writes a set in a list": (
        "def map(k, d, v, c): c.write('n', [[{1}]])\n",
        "it wrote a value of type set",
    ),
    "map writes a list as key": (
        "def map(k, d, v, c): c.write([1], 1)\n",
        "it wrote a key of type list; keys are text, bytes",
    ),
    "reduce writes a set": (
        COUNT + "def reduce(k, v, c): c.write(k, {1})\n",
        "reduce failed for key 'n': it wrote a value of type set",
    ),
    "setup raises": (
        COUNT + "def setup_reduce(c): c.x.y\ndef reduce(k, v, c): pass\n",
        "setup_reduce failed: AttributeError: ",
    ),
    "map exits": ("def map(k, d, v, c): raise SystemExit(3)\n", "SystemExit: 3 (job.py:1 in map)"),
    "without a map": (
        "def reduce(k, v, c): pass\n",
        "job.py has no function map(key, dims, value, context)",
    ),
    "map takes too few": ("def map(k, d, v): pass\n", "job.py: map must take (key, dims, value, context)"),
    "it cannot be compiled": ("def map(:\n", "job.py cannot be loaded: SyntaxError: "),
    "it cannot be imported": (
        "import no_such_module\n",
        "Error: No module named 'no_such_module'",
    ),
}


@pytest.mark.parametrize(("text", "says"), FAILING.values(), ids=FAILING)
def test_a_job_that_fails_is_one_line_with_the_lines_of_the_job(jobs, text, says):
    """Status 1, no output, nothing left behind."""
    out = jobs.folder / "out"
    _, said = jobs.run(text, "--output", str(out), status=1)

    assert says in said
    assert len(said.splitlines()) == 1
    assert "telemetry_server/" not in said
    assert jobs.left() == []


def test_a_missing_job_file_is_bad_input(jobs):
    """Named once."""
    _, said = jobs.command("mapreduce", "nowhere.py", *jobs.always, status=4)

    assert "nowhere.py: No such file or directory" in said


USAGE = {
    "no job": ([], "name one job: JOB.py, or programs with --map"),
    "two jobs": (["job.py", "--map", "cat"], "name one job"),
    "a program beside a file": (["job.py", "--reduce", "cat"], "--reduce goes with --map"),
    "a part with an output": (["job.py", "--part", "p", "--output", "o"], "--part writes a part"),
    "a filter of parts": (["job.py", "--merge", "p", "--filter", "f"], "--filter goes with --part"),
    "totals and output on stdout": (["job.py", "--json"], "name a file for the output with --output"),
    "totals and a part on stdout": (["job.py", "--json", "--part", "-"], "name a file for the output"),
    "a part, and output on stdout": (["job.py", "--part", "a.part", "--output", "-"], "--part writes a part"),
    "a bucket": (["job.py", "-b", "x"], "-b/--bucket is not supported: data is never in a cloud store"),
    "a key": (["job.py", "-k", "x"], "is not supported: data is never in a cloud store"),
    "a secret key": (["job.py", "-s", "x"], "is not supported: data is never in a cloud store"),
    "deleting": (["job.py", "-X"], "-X/--delete-files is not supported: a job never deletes its input"),
    "no mappers": (["job.py", "-m", "0"], "0 is less than 1"),
    "a wrong limit": (["job.py", "--max-bad", "x"], "'x' is not a count, such as 10, or a share, such as 1%"),
    "a wrong share": (["job.py", "--max-bad", "101%"], "'101%' is not a count"),
}


@pytest.mark.parametrize(("words", "says"), USAGE.values(), ids=USAGE)
def test_arguments_that_make_no_sense_are_status_2(jobs, words, says):
    """With a sentence."""
    _, said = jobs.command("mapreduce", *words, "--data", str(jobs.data), status=2)

    assert says in said


def test_the_spellings_of_the_original_are_accepted(jobs):
    """Every option that means something here."""
    (jobs.folder / "all.json").write_text('{"version": 1, "dimensions": []}')
    job = str(jobs.write(COUNT + SUM))
    out = jobs.folder / "out"
    words = ["-f", str(jobs.folder / "all.json"), "-m", "2", "-r", "1", "-d", str(jobs.data)]
    jobs.command("mapreduce", job, *words, "-w", str(jobs.folder), "-o", str(out), "-l")
    long = ["--input-filter", str(jobs.folder / "all.json"), "--num-mappers", "2", "--num-reducers", "1"]
    long += ["--data-dir", str(jobs.data), "--work-dir", str(jobs.folder), "--local-only"]
    output, _ = jobs.command("mapreduce", job, *long)

    assert out.read_text() == output == "n\t300\n"


def test_a_profile_names_the_functions_of_the_job(jobs):
    """Those of all processes together."""
    output, said = jobs.run(COUNT + "    sorted(range(20_000), key=str)\n" + SUM, "-p")

    assert output == "n\t300\n"
    assert "job.py:1(map)" in said
    assert "300 " in next(line for line in said.splitlines() if "job.py:1(map)" in line)


def test_on_a_terminal_the_bar_is_gone_before_the_output(jobs):
    """And control characters that a client sent are escaped."""
    text = 'def map(key, dims, value, context):\n    context.write(dims[0] + "\\x1b[2J", 1)\n' + SUM
    words = ["mapreduce", str(jobs.write(text)), *jobs.always]

    bar, _, output = shown_on_terminal(words).rpartition(b"\x1b[2K")
    assert b"mapping" in bar
    assert output.decode().split("\r\n")[:2] == [
        "idle_daily\\x1b[2J\t150",
        "saved_session\\x1b[2J\t150",
    ]
