"""The APIs that the gateway knows, one file each. `api` lists the questions about one, `table` all APIs."""
