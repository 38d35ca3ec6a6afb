"""Jobs of simple programs: lines in, lines out."""

import json
from collections import Counter

import pytest

MAP_OS = r"""sed -E 's/.*"OS":"([^"]*)".*/\1\t1/'"""
SUM = "awk -F'\\t' '{n[$1] += $2} END {for (k in n) print k \"\\t\" n[k]}' | LC_ALL=C sort"


def run(jobs, *words: str, status: int = 0) -> tuple[str, str]:
    """Run a job of programs."""
    return jobs.command("mapreduce", *words, *jobs.always, status=status)


@pytest.mark.parametrize("options", [["-m", "1"], ["-m", "3", "-r", "2"]])
@pytest.mark.parametrize("combine", [[], ["--combine", SUM]])
def test_programs_equal_a_plain_loop(jobs, lines, options, combine):
    """With and without combine, for any number of processes."""
    counts = Counter(json.loads(text)["info"]["OS"] for _, text in lines)
    output, _ = run(jobs, "--map", MAP_OS, *combine, "--reduce", SUM, *options)

    assert output == "".join(f"{name}\t{counts[name]}\n" for name in sorted(counts))


def test_map_reads_id_dimensions_and_record(jobs, lines):
    """Separated by tabs; without reduce its lines are output, sorted by key."""
    output, _ = run(jobs, "--map", "cat")
    found = [line.split("\t") for line in output.splitlines()]

    assert [(key, record) for key, _, record in found] == sorted(lines)
    assert json.loads(found[0][1]) == [
        *("saved_session", "Firefox", "nightly", "30.0a1", "20140301030202", "20261122")
    ]


def test_reduce_reads_lines_sorted_by_key_and_its_output_is_the_output(jobs):
    """In the order in which it writes, whatever the number of reducers."""
    output, _ = run(jobs, "--map", "cut -f1 | cut -c36", "--reduce", "uniq -c | sort -rn", "-r", "3")
    counts = [int(line.split()[0]) for line in output.splitlines()]

    assert sum(counts) == 300
    assert counts == sorted(counts, reverse=True)


def test_text_that_is_not_utf_8_passes_through(jobs):
    """As it is."""
    out = jobs.folder / "out"
    run(jobs, "--map", r"head -c 0; printf 'k\377\tv\376\n'", "--reduce", "cat", "-o", str(out))

    assert set(out.read_bytes().splitlines()) == {b"k\xff\tv\xfe"}


FAILING = {
    "map fails": (["--map", "exit 3"], 1, "the map program ended with status 3: exit 3"),
    "reduce fails": (["--map", "cat", "--reduce", "exit 4"], 1, "the reduce program ended with status 4"),
    "combine fails": (
        ["--map", "cat", "--combine", "exit 5", "--reduce", "cat"],
        1,
        "combine",
    ),
    "combine writes another key": (
        ["--map", "cut -f1", "--combine", "echo other", "--reduce", "cat"],
        1,
        "combine wrote key 'other'",
    ),
    "combine leaves a key out": (
        ["--map", "cut -f1", "--combine", "head -1", "--reduce", "cat"],
        1,
        "combine wrote no line for key '",
    ),
    "a program that does not exist": (["--map", "no-such-program-at-all"], 1, "ended with status 127"),
}


@pytest.mark.parametrize(("words", "status", "says"), FAILING.values(), ids=FAILING)
def test_a_program_that_fails_fails_the_job(jobs, words, status, says):
    """No output, nothing left behind."""
    _, said = run(jobs, *words, "-o", str(jobs.folder / "out"), status=status)

    assert says in said
    assert jobs.left() == []


@pytest.mark.slow
def test_a_program_that_is_killed_is_tried_again_three_times(jobs):
    """Then the file is named."""
    _, said = run(jobs, "--map", f"echo x >> {jobs.folder}/tries; kill -9 $$", "-m", "1", status=5)

    assert "4 times while it read converted/" in said
    assert (jobs.folder / "tries").read_text() == "x\n" * 4


def test_a_program_may_stop_reading_early(jobs):
    """Like `head`."""
    output, _ = run(jobs, "--map", "head -n 1 | cut -f1", "-m", "1")

    assert 1 <= len(output.splitlines()) <= 300


def test_parts_of_programs_merge(jobs):
    """Into the same bytes."""
    words = ["--map", MAP_OS, "--combine", SUM, "--reduce", SUM]
    part = str(jobs.folder / "a.part")
    run(jobs, *words, "--part", part)
    merged, _ = jobs.command("mapreduce", *words, "--merge", part)
    _, said = jobs.command("mapreduce", "--map", "cat", "--merge", part, status=4)

    assert merged == run(jobs, *words)[0]
    assert "was made by another job" in said
