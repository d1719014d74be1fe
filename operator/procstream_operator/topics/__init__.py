"""`Topic` resources."""

from procstream_operator.topics.reconciler import TopicReconciler

__all__ = ["TopicReconciler"]
