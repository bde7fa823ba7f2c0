"""Daybook: a self-hosted lifelog with an assistant, and the LLM gateway and ledger under it."""
