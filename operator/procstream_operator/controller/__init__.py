"""What all kinds have in common: resources, outcomes, a work queue, and in `loop` what ties them."""

from procstream_operator.controller.outcome import Outcome, Ready, ResourceEvent
from procstream_operator.controller.resource import Key, Kind, Resource

__all__ = ["Key", "Kind", "Outcome", "Ready", "Resource", "ResourceEvent"]
