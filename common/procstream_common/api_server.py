"""Former names of `procstream_common.kubernetes` and of the errors it raises."""

from procstream_common.errors import ConflictError, NotFoundError, ServerError, UnavailableError
from procstream_common.kubernetes import ApiServer, ForbiddenError, Verb, connected, path_of

ApiError = ServerError
ApiUnavailableError = UnavailableError
GoneError = NotFoundError

__all__ = [
    "ApiError",
    "ApiServer",
    "ApiUnavailableError",
    "ConflictError",
    "ForbiddenError",
    "GoneError",
    "Verb",
    "connected",
    "path_of",
]
