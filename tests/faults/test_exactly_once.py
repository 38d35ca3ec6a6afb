"""Two converters, replays and merges on one data root, killed at random: each ping is stored once."""

import random
import shutil
import time
from collections import Counter
from pathlib import Path

import pytest

from histogram_specs.revision import Revision
from tests.support.data_root import World, a_ping, an_id, submitted
from tests.support.figures import Figure
from tests.support.fork_server import ForkServer
from tests.support.history import History, Seen, violations
from tests.support.sizes import size

LATER = Revision("mozilla-central", "fedcba987654")  # its definitions arrive halfway
KILLS = 8
BATCH = 120


@pytest.mark.slow
def test_random_schedules_and_kills_keep_each_ping_once(
    tmp_path: Path, forks: ForkServer, figure: Figure
) -> None:
    """Two processes run random schedules of convert, replay and compact while new segments arrive."""
    figure.title = "T9 random schedules, two at a time"
    for seed in range(size(1, 10)):
        chance = random.Random(seed)
        world = World(tmp_path / str(seed))
        world.put_specs()
        expected: Counter[str] = Counter()
        workers = []
        sent = repeats = 0
        for kill in range(KILLS):
            batch = []
            for number in range(sent, sent + BATCH):
                revision = LATER if number % 5 == 0 else None
                ping = a_ping(number, **({"revision": revision} if revision else {}))
                batch.append(submitted(b"{" if number % 17 == 0 else ping, number))
                expected[an_id(number)] += number % 17 != 0
            again = chance.sample(batch, 10)
            repeats += sum(submission.body != b"{" for submission in again)
            world.receive([*batch, *again])
            sent += BATCH
            if kill == KILLS // 2:
                world.put_specs(LATER)
            while len(workers) < 2:
                worker = forks.fork("schedule", root=str(world.root.path), seed=chance.getrandbits(32))
                worker.go()
                workers.append(worker)
            time.sleep(chance.uniform(0.02, 0.5))
            victim = workers.pop(chance.randrange(2))
            victim.kill()
            victim.wait()
            assert world.audit().findings == []
            figure.runs += 1
        for worker in workers:
            worker.kill()
            worker.wait()
        for action in ("convert", "replay", "replay", "compact", "compact"):
            assert forks.run(action, root=str(world.root.path)) == 0

        kept = Counter(document_id for document_id, _ in world.lines())
        figure.acknowledged += sent
        figure.lost += sum(1 for document_id, count in expected.items() if count > kept[document_id])
        figure.doubled += sum(count > 1 for count in kept.values())
        assert kept == +expected, seed
        audited = world.audit()
        assert audited.findings == []
        assert audited.total.received == sent + 10 * KILLS
        assert audited.total.duplicate == repeats
        shutil.rmtree(world.root.path)


async def test_the_history_checker_finds_violations(tmp_path: Path) -> None:
    """It names each lost, doubled and invented ping; other tests rely on it."""
    world = World(tmp_path)
    world.put_specs()
    world.receive(submitted(a_ping(number), number) for number in range(4))
    await world.convert()
    honest = {an_id(number): Seen.OK for number in range(4)}
    assert violations(tmp_path, History(honest)) == []
    assert violations(tmp_path, History(honest | {an_id(4): Seen.UNKNOWN, an_id(5): Seen.REFUSED})) == []

    lost = violations(tmp_path, History(honest | {an_id(9): Seen.OK}))
    made_up = violations(tmp_path, History({an_id(number): Seen.OK for number in range(3)}))
    # Quarantine does not remember ids, so the same bytes are quarantined twice.
    world.receive([submitted(b"{", 7), submitted(b"{", 7)])
    await world.convert()
    doubled = violations(tmp_path, History(honest | {an_id(7): Seen.OK}))
    (partition,) = (path for path in tmp_path.glob("converted/**/*.zst") if path.stat().st_size)
    partition.write_bytes(partition.read_bytes()[:-1])
    with pytest.raises(EOFError):
        violations(tmp_path, History(honest))

    assert lost == [f"{an_id(9)}: acknowledged and lost"]
    assert made_up == [f"{an_id(3)}: kept, and never sent"]
    assert doubled == [f"{an_id(7)}: kept 2 times"]
