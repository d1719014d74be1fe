"""`ProcstatProducer` resources."""
