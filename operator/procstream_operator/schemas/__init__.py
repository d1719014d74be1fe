"""`Schema` resources."""

from procstream_operator.schemas.reconciler import SchemaReconciler

__all__ = ["SchemaReconciler"]
