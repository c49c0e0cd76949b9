"""The errors that an app may catch, and how those of S3 become them."""

from functools import wraps
from typing import Any, Callable

from botocore.exceptions import ClientError


class BucketNotFoundError(Exception):
    """There is no such bucket."""


class DefaultBucketError(Exception):
    """No bucket was named."""


class ForbiddenError(Exception):
    """Access is not allowed."""


class ObjectNotFoundError(Exception):
    """There is no such object."""


class TooManyRequestsError(Exception):
    """More requests than S3 takes."""


class UnauthorizedError(Exception):
    """The credentials are not good."""


_KNOWN = {
    "NoSuchBucket": (BucketNotFoundError, "The requested bucket could not be found."),
    "NoSuchKey": (ObjectNotFoundError, "The requested object could not be found."),
    "404": (ObjectNotFoundError, "The requested object could not be found."),
    "AccessDenied": (ForbiddenError, "Access to the requested resource is not allowed."),
    "403": (ForbiddenError, "Access to the requested resource is not allowed."),
    "SlowDown": (TooManyRequestsError, "Rate limit exceeded."),
    "503": (TooManyRequestsError, "Rate limit exceeded."),
    "InvalidAccessKeyId": (UnauthorizedError, "The requested operation is not allowed."),
    "SignatureDoesNotMatch": (UnauthorizedError, "The requested operation is not allowed."),
    "ExpiredToken": (UnauthorizedError, "The requested operation is not allowed."),
}


def told(work: Callable[..., Any]) -> Callable[..., Any]:
    """S3's common errors in the app's words; others pass as they are."""

    @wraps(work)
    def inner(*args: Any, **kwargs: Any) -> Any:
        try:
            return work(*args, **kwargs)
        except ClientError as error:
            known = _KNOWN.get(error.response.get("Error", {}).get("Code", ""))
            if known is None:
                raise
            raise known[0](known[1]) from error

    return inner
