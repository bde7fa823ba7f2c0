"""Endpoints name their parameters in one order: path, body, actor, session."""

import inspect
from typing import get_args

from fastapi.routing import APIRoute
from pydantic import BaseModel

from daybook.accounts import access
from daybook.db import dependencies
from daybook.web.app import ROUTERS

ACTORS = {access._administrator, access._current_user, access.signed_in}
SESSIONS = {get_args(one)[1].dependency for one in (dependencies.Reading, dependencies.Writing)}


def _routes(routers):
    for router in routers:
        yield from (one for one in router.routes if isinstance(one, APIRoute))
        yield from _routes(one.original_router for one in router.routes if not isinstance(one, APIRoute))


def _rank(route, parameter):
    kind = parameter.annotation
    used = {getattr(one, "dependency", None) for one in get_args(kind)[1:]}
    if f"{{{parameter.name}}}" in route.path:
        return 0
    if _is_body(kind):
        return 1
    return 2 if used & ACTORS else 3 if used & SESSIONS else None


def _is_body(kind):
    return inspect.isclass(kind) and issubclass(kind, BaseModel)


def test_parameters_stand_in_one_order_and_a_body_is_called_body():
    wrong, seen, bodies = [], set(), set()
    for route in _routes(ROUTERS):
        parameters = inspect.signature(route.endpoint).parameters.values()
        ranks = [rank for one in parameters if (rank := _rank(route, one)) is not None]
        wrong += [route.name] if ranks != sorted(ranks) else []
        seen.update(ranks)
        bodies.update(one.name for one in parameters if _is_body(one.annotation))
    assert (seen, bodies) == ({0, 1, 2, 3}, {"body"})
    assert wrong == []
