"""Both kinds of stores, opened by settings: a folder, and a bucket of an S3 server on loopback."""

from uuid import uuid4

import boto3
import pytest
from moto.server import ThreadedMotoServer

from daybook.settings import Settings
from daybook.storage.service import open_store

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="session")
def s3_server():
    """The address of an S3 server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server, monkeypatch):
    """A new bucket of boto3, with the environment variables for Daybook."""
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": s3_server}.items():
        monkeypatch.setenv(name, value)
    made = boto3.resource("s3", endpoint_url=s3_server, region_name="us-east-1").Bucket(
        f"videos-{uuid4().hex}"
    )
    made.create()
    yield made
    made.meta.client.close()


@pytest.fixture
def storage_settings(request, tmp_path):
    """Settings of the store under test."""

    def of(kind):
        if kind == "folder":
            return Settings(data=tmp_path / "data")
        bucket = request.getfixturevalue("bucket")
        return Settings(data=tmp_path / "data", storage=f"s3://{bucket.name}/house/one")

    return of


@pytest.fixture(params=["folder", "s3"])
def store(request, storage_settings):
    """A store of either kind."""
    return open_store(storage_settings(request.param))
