"""From a plan to a running job: checks before it starts, the Flink client, the state to start from."""
