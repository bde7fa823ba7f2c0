"""What a command prints where the output lacks letters, or has no room."""

import json
import os


async def test_an_output_that_lacks_letters_gets_them_escaped(cli):
    assert (await cli("group", "add", "客服𠮷")).status == 0
    table = await cli("group", "list", PYTHONIOENCODING="ascii")
    assert (table.status, table.err) == (0, "")
    assert "\\u5ba2\\u670d\\U00020bb7" in table.out
    listed = await cli("group", "list", "--json", PYTHONIOENCODING="ascii")
    assert (listed.status, listed.err, listed.out.isascii()) == (0, "", True)
    assert [group["name"] for group in json.loads(listed.out)] == ["客服𠮷"]
    assert "客服𠮷" in (await cli("group", "list")).out


async def test_an_output_without_room_is_told_in_a_sentence(cli):
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        for arguments in (("usage",), ("usage", "--json"), ("group", "list")):
            done = await cli(*arguments, output=full)
            assert done.status == 1, arguments
            assert done.err == "daybook: No space left on device.\n"
    finally:
        os.close(full)
