"""Folders of a commit are created and synced, each parent once."""

from collections import Counter
from pathlib import Path

import pytest

from storage.disk import Disk
from storage.partitions.lasting_folders import LastingFolders


@pytest.fixture
def folders(tmp_path):
    return LastingFolders(tmp_path, Disk())


def test_a_parent_of_many_new_folders_is_synced_once(folders, tmp_path):
    for name in ("a/b/1", "a/b/2", "a/b/3"):
        folders.make(name)

    assert folders.unsynced == {tmp_path, tmp_path / "a", tmp_path / "a/b"}
    assert (tmp_path / "a/b/3").is_dir()


def test_a_folder_that_was_synced_is_not_synced_again(folders, tmp_path):
    folders.make("a/b")
    folders.synced()

    folders.make("a/b")
    folders.make("a/c")

    assert folders.unsynced == {tmp_path / "a"}


def test_a_folder_that_another_process_created_is_synced(folders, tmp_path):
    """That process may have died before it synced the name."""
    (tmp_path / "a" / "b").mkdir(parents=True)

    folders.make("a/b")

    assert folders.unsynced == {tmp_path, tmp_path / "a"}


def test_a_folder_that_was_not_synced_is_created_and_synced_after_a_failure(folders, tmp_path):
    folders.make("a/b")
    folders.forget()
    (tmp_path / "a" / "b").rmdir()

    folders.make("a/b")

    assert (tmp_path / "a/b").is_dir()
    assert folders.unsynced == {tmp_path, tmp_path / "a"}


def test_a_folder_is_created_once_however_many_are_in_it(tmp_path):
    created: Counter[Path] = Counter()

    class CountingDisk(Disk):
        def make_directory(self, path: Path) -> None:
            created[path] += 1
            super().make_directory(path)

    folders = LastingFolders(tmp_path, CountingDisk())
    for name in ("a/b", "a/c", "a/b"):
        folders.make(name)

    assert created == {tmp_path / "a": 1, tmp_path / "a/b": 1, tmp_path / "a/c": 1}


def test_a_file_in_the_place_of_a_folder_is_an_error(folders, tmp_path):
    (tmp_path / "a").write_bytes(b"")

    with pytest.raises(FileExistsError):
        folders.make("a/b")
