"""The gateway: every model call passes it and leaves one line in the ledger.

The stages of a call, in their order:

1. `call/authentication`: look up the activation code
2. `call/admission`: read the request; find its API and model
3. `call/routing`: order the configurations that have the model
4. `call/idempotency`: claim the `Idempotency-Key`, or replay its answer
5. `call/limits`: count the call and hold its maximum of each budget
6. `recording/recorder`: journal that the call is opened
7. `call/attempts`: try targets until the first byte of an answer
8. `call/streaming`: pass bytes on and read usage
9. `recording/recorder`: journal that the call is closed

`app` begins a caller's call and `call/pipeline` runs it. `internal/execution` runs Daybook's own. `call/dispatch` is
what both share: stages 5 to 7.
"""
