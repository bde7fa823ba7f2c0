"""Bases of the schemas of the API."""

from pydantic import BaseModel, ConfigDict


class RequestModel(BaseModel):
    """A request body. An unknown field is an error, so that a misspelt one is not ignored."""

    model_config = ConfigDict(extra="forbid")


class ResponseModel(BaseModel):
    """A response body that can be built from a row."""

    model_config = ConfigDict(from_attributes=True)
