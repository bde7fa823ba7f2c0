"""Output to terminals that lack letters, and to full disks."""

import json
import os
from importlib.metadata import version

import pytest
from typer.main import get_command

from daybook.cli import app as command_line
from daybook.cli.output import cell, print_table


async def test_an_output_that_lacks_letters_gets_them_escaped(typed):
    assert (await typed("group", "add", "客服𠮷")).status == 0
    table = await typed("group", "list", PYTHONIOENCODING="ascii")
    assert (table.status, table.err) == (0, "")
    assert "\\u5ba2\\u670d\\U00020bb7" in table.out
    listed = await typed("group", "list", "--json", PYTHONIOENCODING="ascii")
    assert (listed.status, listed.err, listed.out.isascii()) == (0, "", True)
    assert [group["name"] for group in json.loads(listed.out)] == ["客服𠮷"]
    assert "客服𠮷" in (await typed("group", "list")).out


async def test_an_output_without_room_is_told_in_a_sentence(typed):
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        for arguments in (("usage",), ("usage", "--json"), ("group", "list")):
            done = await typed(*arguments, output=full)
            assert done.status == 1, arguments
            assert done.err == "daybook: No space left on device.\n"
    finally:
        os.close(full)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("exactly 10", "exactly 10"),
        ("more than 10", "more than…"),
        ("早安早安早", "早安早安早"),
        ("早安早安早安", "早安早安…"),
        ("a早安早安早", "a早安早安…"),
        ("e\u0301" * 4, "e\u0301" * 4),
    ],
)
def test_a_cell_is_cut_by_the_columns_that_it_takes(text, shown):
    assert cell(text, 10) == shown


def test_columns_stand_below_each_other_whatever_letters_are_in_them(capsys):
    print_table(["name", "n"], [["早安", 1], ["☀\ufe0f", 22], ["e\u0301", 333]], empty="")
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["name    n", "早安    1", "☀\ufe0f      22", "e\u0301     333"]


async def test_the_program_says_what_it_is_and_which_version(typed):
    told = await typed("--version")
    assert (told.status, told.out) == (0, f"daybook {version('daybook')}\n")
    about = (await typed("--help")).out
    assert "diary" in about.partition("Options:")[0]
    assert "assistant" not in about  # it is not there yet


def test_lists_of_commands_say_whole_sentences_on_eighty_columns():
    groups = [get_command(command_line)]
    for group in groups:
        room = 80 - 8 - max(map(len, group.commands))
        for name, command in group.commands.items():
            assert not command.get_short_help_str(room).endswith("..."), (group.name, name)
            if hasattr(command, "commands"):
                groups.append(command)
    assert len(groups) > 10
