import pytest_asyncio

from support.jobs.jobs import Jobs


@pytest_asyncio.fixture
async def jobs(database, database_url):
    """The jobs of a fresh database."""
    jobs = Jobs(database, database_url)
    await jobs.prepare()
    return jobs
