"""The beginning and the end of a journal: nobody deletes one that is being born, and nothing is left of the dead."""

import os
import shutil

import pytest

from daybook.ledger.journal import Journal, JournalReader, clear_away, journals_in
from daybook.ledger.journal.format import LOCK
from llm_tracker.ids import uuid7


def test_a_journal_whose_lock_is_not_held_yet_is_none(tmp_path):
    """Its writer makes folder, lock and first segment one after the other; between, its lock can be had."""
    newborn = tmp_path / "newborn"
    newborn.mkdir()
    (newborn / LOCK).touch()
    assert journals_in(tmp_path) == []
    clear_away(tmp_path)
    assert newborn.exists()


def test_one_that_died_at_birth_is_cleared_away_later(tmp_path):
    stillborn = tmp_path / "stillborn"
    stillborn.mkdir()
    (stillborn / LOCK).touch()
    os.utime(stillborn, (0, 0))
    clear_away(tmp_path)
    assert not stillborn.exists()


def test_a_living_journal_is_not_cleared_away(tmp_path):
    journal = Journal(tmp_path)
    journal.open_call(uuid7(), b"{}", b"")
    os.utime(journal.folder, (0, 0))
    clear_away(tmp_path)
    assert journals_in(tmp_path) == [journal.folder]
    assert len(list(JournalReader(journal.folder).records())) == 1


def test_a_deletion_that_was_killed_is_finished_by_the_next(tmp_path, monkeypatch):
    journal = Journal(tmp_path)
    journal.close()
    reader = JournalReader(journal.folder)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            reader.delete()
    assert journals_in(tmp_path) == []  # half a journal is never read
    clear_away(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_wholly_read_is_a_journal_until_it_is_deleted(tmp_path):
    """Its owner's leases are released in between, if need be by the next reader."""
    journal = Journal(tmp_path)
    journal.open_call(uuid7(), b"{}", b"")
    torn = os.open(journal.folder / "0000000001.journal", os.O_WRONLY)
    os.pwrite(torn, b"\1" * 20, journal._offset)
    os.close(torn)
    journal.close()
    reader = JournalReader(journal.folder)
    assert len(list(reader.records())) == 1
    assert reader.skip_torn()
    reader.forget_before(reader.segment)
    assert journals_in(tmp_path) == [journal.folder]


def killed(folder):
    (folder / LOCK).unlink()
    raise KeyboardInterrupt
