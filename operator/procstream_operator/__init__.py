"""The operator: `Topic`, `Schema` and `ProcstatProducer` resources become topics, schemas and a DaemonSet."""
