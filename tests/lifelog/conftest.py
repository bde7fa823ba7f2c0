"""Films for the tests of the lifelog."""

import pytest

from support.films import Films


@pytest.fixture
def films(tmp_path):
    """Makes films in a folder of the test's own."""
    folder = tmp_path / "films"
    folder.mkdir()
    return Films(folder)
