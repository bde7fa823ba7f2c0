import pytest_asyncio

from support.jobs import Jobs
from support.jobs_crew import JobsCrew


@pytest_asyncio.fixture
async def jobs(database, database_url):
    """The jobs of a fresh database."""
    jobs = Jobs(database, database_url)
    await jobs.prepare()
    return jobs


@pytest_asyncio.fixture(scope="session")
async def crew():
    """Starts worker processes."""
    async with JobsCrew.at_work() as crew:
        yield crew
