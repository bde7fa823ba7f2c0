"""Daybook: a self-hosted lifelog and diary, with an LLM gateway and ledger underneath."""
