"""Journals that were damaged where they lie: what can still be read is read, and only what was there is lost."""

import asyncio

import pytest

from daybook.ledger.journal import Journal, JournalReader, Kind
from daybook.ledger.journal.format import FRAME_SIZE, encode, segment_name
from daybook.ledger.shipper import Shipper
from llm_tracker.ids import uuid7

FRAME, LENGTH, BODY = 9, 1, FRAME_SIZE + 50  # bytes of a record, from its first on


def write(journal, count=1, body=b"x" * 100):
    """Closed calls, and where the record of each one's end begins."""
    ends = {}
    for _ in range(count):
        call = uuid7()
        journal.open_call(call, b"{}", b"")
        number, offset = journal._number, journal._offset
        journal.close_call(call, b"{}", body, essential=b"{}")
        ends[call] = (number, offset) if journal._number == number else (number + 1, 16)
    return ends


def damage(journal, number, offset):
    with (journal.folder / segment_name(number)).open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 0x20]))


def read_all(reader):
    """Calls whose end can be read, once nothing more can be."""
    ended = {record.call_id for _, record in reader.records() if record.kind is Kind.CLOSED}
    while reader.skip_torn():
        ended |= {record.call_id for _, record in reader.records() if record.kind is Kind.CLOSED}
    return ended


@pytest.mark.parametrize("place", [FRAME, LENGTH, BODY])
def test_a_damaged_record_costs_only_itself(tmp_path, caplog, place):
    journal = Journal(tmp_path)
    ends = write(journal, 20)
    damaged = list(ends)[7]
    number, offset = ends[damaged]
    damage(journal, number, offset + place)
    journal.close()
    reader = JournalReader(journal.folder)
    assert read_all(reader) == ends.keys() - {damaged}
    assert reader.torn == 1
    assert f"segment {number}: the record at byte {offset} is damaged" in caplog.text


def test_damaged_heads_and_ends_of_segments_cost_nothing(tmp_path):
    journal = Journal(tmp_path, segment=16 * 1024)
    ends = write(journal, 600)
    assert journal._number > 4
    damage(journal, 2, 3)
    last = max(offset for number, offset in ends.values() if number == 3)
    body = (journal.folder / segment_name(3)).read_bytes()
    the_end = next(at for at in range(last, len(body)) if body[at + 8 : at + 26] == b"\x04\x01" + bytes(16))
    damage(journal, 3, the_end + 9)
    damage(journal, journal._number, 3)
    journal.close()
    assert read_all(JournalReader(journal.folder)) == ends.keys()


def test_a_segment_that_is_gone_costs_only_its_own_records(tmp_path):
    journal = Journal(tmp_path, segment=16 * 1024)
    ends = write(journal, 600)
    (journal.folder / segment_name(3)).unlink()
    journal.close()
    assert read_all(JournalReader(journal.folder)) == {call for call in ends if ends[call][0] != 3}


def test_what_looks_like_a_record_in_a_damaged_one_is_none(tmp_path):
    journal = Journal(tmp_path)
    forged = uuid7()
    body = b"x" * 100 + b"".join(encode(1, Kind.CLOSED, forged, b"{}", b"forged"))
    ((_, offset),) = write(journal, body=body).values()
    damage(journal, 1, offset + BODY)
    after = write(journal, 3)
    journal.close()
    assert read_all(JournalReader(journal.folder)) == after.keys()


async def test_a_damaged_record_does_not_stop_the_shipper_of_a_living_gateway(tmp_path):
    written = []

    class Ledger:
        async def write(self, calls):
            written.extend(call.id for call in calls)

        async def close(self):
            pass

    journal = Journal(tmp_path)
    ends = write(journal, 9)
    damaged = list(ends)[4]
    number, offset = ends[damaged]
    damage(journal, number, offset + BODY)
    shipper = Shipper(tmp_path, Ledger(), lambda call: call)
    shipping = asyncio.create_task(shipper.run())
    async with asyncio.timeout(10):
        while len(written) < 8:
            await asyncio.sleep(0.02)
        assert set(written) == ends.keys() - {damaged}
        more = write(journal, 3)
        while len(written) < 11:
            await asyncio.sleep(0.02)
        journal.close()
        while journal.folder.exists():
            await asyncio.sleep(0.02)
    shipper.stop()
    await shipping
    assert sorted(written) == sorted({*ends, *more})  # the damaged one too: nobody closed it
