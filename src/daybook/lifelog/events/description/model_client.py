"""Calls to a vision model about some segments of a video, with a second call for missing answers."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from daybook.gateway.internal import InternalClient, InternalRequest, InternalResponse
from daybook.kit.errors import Upstream
from daybook.lifelog.events.description import prompt
from daybook.lifelog.events.description.answer_parsing import RESPONSE_FORMAT, Description, descriptions
from daybook.lifelog.events.description.prompt import PromptSegment


class VisionModelClient:
    """Calls the model for one job. Every call is a step of the job, so that none is paid twice."""

    def __init__(
        self,
        internal_client: InternalClient,
        model: str,
        *,
        user_id: int,
        job_id: UUID,
        trace_id: str,
        language: str | None,
    ) -> None:
        self._internal_client = internal_client
        self._model = model
        self._user_id = user_id
        self._job_id = job_id
        self._trace_id = trace_id
        self._language = language
        self._takes_schemas = True
        self.calls = 0

    async def describe(
        self, name: str, shown: Sequence[PromptSegment], count: int, recording_id: UUID
    ) -> dict[int, Description]:
        """Return the model's descriptions of `shown` by number (1 to `count`), in at most two calls.

        `name` is the step's. Raises what `InternalClient.call` raises.
        """
        said = await self._say(name, shown, count, recording_id, again=False)
        missing = [segment for segment in shown if segment.number not in said]
        if missing:
            more = await self._say(f"{name}:again", missing, count, recording_id, again=True)
            said = {**more, **said}
        wanted = {segment.number for segment in shown}
        return {number: description for number, description in said.items() if number in wanted}

    async def _say(
        self, name: str, shown: Sequence[PromptSegment], count: int, recording_id: UUID, *, again: bool
    ) -> dict[int, Description]:
        answer = await self._answer(name, shown, recording_id, again=again)
        if len(shown) == 1:
            only = descriptions(answer.text, count)
            return only if shown[0].number in only else _as_only(answer.text, shown[0].number)
        return descriptions(answer.text, count)

    async def _answer(
        self, name: str, shown: Sequence[PromptSegment], recording_id: UUID, *, again: bool
    ) -> InternalResponse:
        """Call with a schema, or without one if the provider rejects it. The rejection costs nothing and occurs once
        per job.
        """
        body = prompt.request(shown, self._language, again=again)
        limit = prompt.answer_limit(len(shown))
        if self._takes_schemas:
            with_schema = {**body, "response_format": RESPONSE_FORMAT, "max_completion_tokens": limit}
            try:
                return await self._call(name, with_schema, recording_id)
            except Upstream as problem:
                if problem.code != "upstream_refused":
                    raise
                refused = problem
            try:
                answer = await self._call(f"{name}:plain", {**body, "max_tokens": limit}, recording_id)
            except Upstream as problem:
                raise (refused if problem.code == "upstream_refused" else problem) from None
            self._takes_schemas = False
            return answer
        return await self._call(f"{name}:plain", {**body, "max_tokens": limit}, recording_id)

    async def _call(self, step: str, body: Mapping[str, object], recording_id: UUID) -> InternalResponse:
        self.calls += 1
        internal_request = InternalRequest(
            user_id=self._user_id,
            source="vision",
            model=self._model,
            body=body,
            metadata={"source_type": "recording", "source_path": f"recordings/{recording_id}"},
            trace_id=self._trace_id,
        )
        return await self._internal_client.call(internal_request, step=(self._job_id, step))


def _as_only(text: str, number: int) -> dict[int, Description]:
    """Assign the only description to the only segment asked about, whatever its number."""
    numbered = descriptions(text, 1)
    return {number: numbered[1]} if 1 in numbered else {}
