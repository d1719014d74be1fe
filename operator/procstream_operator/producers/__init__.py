"""`ProcstatProducer` resources."""

from procstream_operator.producers.reconciler import ProducerReconciler

__all__ = ["ProducerReconciler"]
