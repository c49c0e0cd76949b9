"""`replit.object_storage` on Amazon S3."""

from .client import Client, Object
from .errors import (
    BucketNotFoundError,
    DefaultBucketError,
    ForbiddenError,
    ObjectNotFoundError,
    TooManyRequestsError,
    UnauthorizedError,
)

__all__ = [
    "BucketNotFoundError",
    "Client",
    "DefaultBucketError",
    "ForbiddenError",
    "Object",
    "ObjectNotFoundError",
    "TooManyRequestsError",
    "UnauthorizedError",
]
