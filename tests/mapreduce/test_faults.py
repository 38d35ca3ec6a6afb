"""What goes wrong while a job runs: killed processes, full and unwritable folders, Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from telemetry_server.demo.temporary_server import bare_environment
from telemetry_server.mapreduce.work_folder import PREFIX, work_folder
from tests.mapreduce.original_jobs import SUM
from tests.support.console_script import console_script
from tests.support.other_user import as_other_user, readable_folder
from tests.support.waiting import PATIENCE_SECONDS, wait_for

COUNT = 'def map(key, dims, value, context):\n    context.write("n", 1)\n'
KILLED = """
import os, signal
def map(key, dims, value, context):
    if dims[2] == "beta":
        with open({tries!r}, "a+") as tries:
            tries.write("x")
            tries.seek(0)
            count = len(tries.read())
        if count <= {deaths}:
            os.kill(os.getpid(), signal.SIGKILL)
    context.write("n", 1)
"""


@pytest.mark.parametrize("mappers", ["1", "3"])
@pytest.mark.parametrize("deaths", [1, 3])
def test_a_mapper_that_is_killed_is_tried_again(jobs, tmp_path, mappers, deaths):
    """Its files are read again, once: the result is the same."""
    tries = tmp_path / "tries"
    tries.mkdir()
    text = KILLED.format(tries=str(tries / "x"), deaths=deaths)

    assert jobs.output(text + SUM, "-m", mappers) == ["n\t300"]
    assert jobs.left() == ["tries"]


def test_a_file_that_kills_its_mapper_is_named_after_three_more_tries(jobs, tmp_path):
    """One line, status 5, no output."""
    tries = tmp_path / "tries"
    tries.mkdir()
    text = KILLED.format(tries=str(tries / "x"), deaths=1000)
    out = tries / "out"
    _, said = jobs.run(text + SUM, "--output", str(out), "-m", "1", status=5)

    assert (tries / "x").read_text() == "x" * 4
    assert "a mapper was killed (out of memory?) 4 times while it read converted/" in said
    assert "/Firefox/beta/" in said
    assert len(said.splitlines()) == 1
    assert not out.exists()
    assert jobs.left() == ["tries"]


def test_a_reducer_that_is_killed_is_tried_again(jobs, tmp_path):
    """Three times, too."""
    text = COUNT + "import os\ndef reduce(key, values, context):\n    os.kill(os.getpid(), 9)\n"
    _, said = jobs.run(text, "--output", str(tmp_path / "out"), status=5)

    assert "a reducer was killed (out of memory?) 4 times" in said
    assert jobs.left() == []


FULL = """
import errno, multiprocessing
from telemetry_server.mapreduce import runs

def full(data):
    raise OSError(errno.ENOSPC, "No space left on device")

if multiprocessing.parent_process() is not None:
    runs.compress_frame = full
"""


def test_a_full_work_folder_is_one_line(jobs, tmp_path):
    """Status 5: free some space and run it again."""
    _, said = jobs.run(FULL + COUNT + SUM, "--output", str(tmp_path / "out"), status=5)

    assert f"the disk is full (work folder {tmp_path}: No space left on device)" in said
    assert len(said.splitlines()) == 1
    assert jobs.left() == []


@pytest.mark.slow
@pytest.mark.privileged
def test_a_work_folder_on_a_really_full_disk_is_one_line(jobs, tmp_path):
    """A filesystem of 128 KiB, and pairs of 10 KB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("cannot mount a filesystem here")
    text = "import os\ndef map(key, dims, value, context):\n    context.write(os.urandom(10000), 1)\n"
    try:
        _, said = jobs.run(text, "--work", str(place), "--output", str(tmp_path / "out"), status=5)
        assert list(place.iterdir()) == []
    finally:
        subprocess.run(["umount", str(place)], check=True)

    assert "the disk is full" in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("where", ["nowhere/out", "folder", "file/out"])
def test_an_output_that_cannot_be_written_is_known_before_the_work(jobs, tmp_path, where):
    """One line, status 78."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    _, said = jobs.run("def map(k, d, v, c): raise SystemExit\n", "-o", str(tmp_path / where), status=78)

    assert f"telemetry-server mapreduce: {tmp_path / where}: " in said
    assert len(said.splitlines()) == 1


def test_a_work_folder_that_cannot_be_made_is_one_line(jobs, tmp_path):
    """Status 78."""
    (tmp_path / "file").write_text("")
    _, said = jobs.run(COUNT, "--work", str(tmp_path / "file" / "x"), status=78)

    assert said == (
        f"telemetry-server mapreduce: work folder {tmp_path}/file/x: Not a directory;"
        " name another with --work\n"
    )


def test_what_a_run_of_another_user_left_stops_no_run():
    """Users share a folder such as /tmp; what they may not look into stays."""
    with readable_folder() as parent:
        parent.chmod(0o777)
        left = parent / f"{PREFIX}left"
        left.mkdir(mode=0)
        with as_other_user(), work_folder(parent) as folder:
            assert folder.parent == parent
        assert list(parent.iterdir()) == [left]
        left.chmod(0o700)


def test_a_missing_work_folder_is_made_and_removed(jobs, tmp_path):
    """As a temporary one."""
    assert jobs.output(COUNT + SUM, "--work", str(tmp_path / "new" / "work")) == ["n\t300"]
    assert not (tmp_path / "new" / "work").exists()


def test_an_output_that_exists_is_replaced_only_by_a_whole_one(jobs, tmp_path):
    """A failed run leaves it as it was."""
    out = tmp_path / "out"
    out.write_text("before")
    jobs.run(COUNT + "def reduce(k, v, c): 1 / 0\n", "--output", str(out), status=1)
    assert out.read_text() == "before"

    jobs.run(COUNT + SUM, "--output", str(out))
    assert out.read_text() == "n\t300\n"


def test_a_damaged_file_is_named(command, tmp_path):
    """Status 4, no output: a result without its records would be wrong."""
    from tests.mapreduce.conftest import Jobs, made_world

    world = made_world(tmp_path / "data", range(10))
    victim = next(world.root.converted.rglob("*.zst"))
    data = victim.read_bytes()
    victim.write_bytes(data[:40] + bytes([data[40] ^ 255]) + data[41:])
    (tmp_path / "work").mkdir()
    jobs = Jobs(command, world.root.path, tmp_path / "work")
    _, said = jobs.run(COUNT, "--output", str(tmp_path / "out"), status=4)

    assert f"{victim.relative_to(world.root.path)} is damaged (" in said
    assert not (tmp_path / "out").exists()


def test_a_file_of_the_working_folder_hides_no_module_of_python(jobs):
    """Workers do not import it, and the programs of a job see the environment of the command."""
    for name in ("csv", "random", "json"):
        jobs.write("raise SystemExit('imported')", f"{name}.py")
    words = ["--map", "echo n=$PYTHONSAFEPATH.", *jobs.always]
    done = subprocess.run(
        [sys.executable, str(console_script(jobs.folder / "bin")), "mapreduce", *words],
        capture_output=True,
        check=False,
        cwd=jobs.folder,
        env=bare_environment(),
    )

    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {b"n=."}


def started(jobs, text: str, *options: str) -> subprocess.Popen:
    """Start a job in a process of its own, and wait until it maps."""
    job = jobs.write(text)
    words = [sys.executable, "-m", "telemetry_server", "mapreduce", str(job), *jobs.always, *options]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, env=bare_environment(), start_new_session=True)
    wait_for((jobs.folder / "mapping").exists)
    return process


def processes_with(text: str) -> list[int]:
    """Return the processes whose command line or environment has *text*."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                known = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            except OSError:
                continue
            if text.encode() in known:
                found.append(int(folder.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_job_leaves_nothing(jobs, number):
    """No output, no temporary files, no process: also not the program that it started."""
    program = f"touch {jobs.folder}/mapping; sleep 987{os.getpid()}"
    words = ["--map", program, *jobs.always, "--output", str(jobs.folder / "out")]
    process = subprocess.Popen(
        [sys.executable, "-m", "telemetry_server", "mapreduce", *words],
        stderr=subprocess.PIPE,
        env=bare_environment(),
        start_new_session=True,
    )
    wait_for((jobs.folder / "mapping").exists)
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 130
    assert said == b""
    assert jobs.left() == ["mapping"]
    wait_for(lambda: not processes_with(f"987{os.getpid()}"))


def test_ctrl_c_while_processes_are_started_says_nothing(jobs):
    """A terminal sends it to all of them; one that still imports its modules printed a traceback."""
    # It must not end before the signal, also on a busy machine.
    job = jobs.write("import time\ndef map(key, dims, value, context):\n    time.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "telemetry_server", "mapreduce", str(job), *jobs.always],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=bare_environment() | {"STARTED_BY": str(jobs.folder)},
        start_new_session=True,
    )
    # The command, what cleans up after it, and what forks its processes.
    wait_for(lambda: len(processes_with(f"STARTED_BY={jobs.folder}")) >= 3)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)

    assert (process.returncode, said) == (130, b"")


def test_a_worker_process_may_be_interrupted(jobs):
    """And so may the programs that it starts: they have its blocked signals."""
    text = """
import signal
def map(key, dims, value, context):
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    context.write("blocked", signal.SIGINT in blocked or signal.getsignal(signal.SIGINT) == signal.SIG_IGN)
def reduce(key, values, context):
    context.write(key, any(values))
"""
    assert jobs.output(text) == ["blocked\tFalse"]


@pytest.mark.slow
def test_what_a_killed_run_left_is_removed_by_the_next(jobs):
    """Its processes end by themselves."""
    text = f"""
def map(key, dims, value, context):
    import time
    open({str(jobs.folder / "mapping")!r}, "a").close()
    time.sleep(1)
"""
    process = started(jobs, text, "--output", str(jobs.folder / "out"))
    process.kill()
    process.communicate()
    assert any(name.startswith("telemetry-mapreduce-") for name in jobs.left())
    wait_for(lambda: not processes_with(str(jobs.folder)))

    jobs.run(COUNT + SUM)
    assert not any(name.startswith("telemetry-mapreduce-") for name in jobs.left())
