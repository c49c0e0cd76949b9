"""The Client of replit-object-storage (1.0.2) on Amazon S3.

Bucket: `bucket_id`, else the environment variable DEFAULT_OBJECT_STORAGE_BUCKET_ID. Region and credentials: as every AWS SDK finds
them (on ECS the task role).
"""

import os
import re
from dataclasses import dataclass
from typing import Any, List, Optional, Union

import boto3

from .errors import DefaultBucketError, ObjectNotFoundError, told


@dataclass
class Object:
    """An object in a list."""

    name: str


class Client:
    def __init__(self, bucket_id: Optional[str] = None) -> None:
        self._wanted = bucket_id
        self._s3: Any = None

    def _at(self) -> "tuple[Any, str]":
        """The client of S3 and the bucket. A bucket's id from Replit means the one that took its place."""
        replaced = os.environ.get("DEFAULT_OBJECT_STORAGE_BUCKET_ID")
        old = self._wanted and self._wanted.startswith("replit-objstore-") and replaced
        bucket = self._wanted if self._wanted and not old else replaced
        if not bucket:
            raise DefaultBucketError("no bucket: set DEFAULT_OBJECT_STORAGE_BUCKET_ID to the S3 bucket's name, or give bucket_id")
        if self._s3 is None:
            self._s3 = boto3.client("s3")
        return self._s3, bucket

    @told
    def copy(self, object_name: str, dest_object_name: str) -> None:
        s3, bucket = self._at()
        s3.copy({"Bucket": bucket, "Key": object_name}, bucket, dest_object_name)

    @told
    def delete(self, object_name: str, ignore_not_found: bool = False) -> None:
        # S3 deletes what is not there without a word.
        if not ignore_not_found and not self.exists(object_name):
            raise ObjectNotFoundError("The requested object could not be found.")
        s3, bucket = self._at()
        s3.delete_object(Bucket=bucket, Key=object_name)

    @told
    def download_as_bytes(self, object_name: str) -> bytes:
        s3, bucket = self._at()
        answer = s3.get_object(Bucket=bucket, Key=object_name)
        body = answer["Body"].read()
        if answer.get("ContentEncoding") == "gzip":
            # Stored by the JavaScript client, which packs by default; Google's store unpacked it on the way out.
            import gzip

            return gzip.decompress(body)
        return body

    @told
    def download_as_text(self, object_name: str) -> str:
        return self.download_as_bytes(object_name).decode("utf-8")

    @told
    def download_to_filename(self, object_name: str, dest_filename: str) -> None:
        s3, bucket = self._at()
        if s3.head_object(Bucket=bucket, Key=object_name).get("ContentEncoding") == "gzip":
            with open(dest_filename, "wb") as file:
                file.write(self.download_as_bytes(object_name))
        else:
            s3.download_file(bucket, object_name, dest_filename)

    @told
    def exists(self, object_name: str) -> bool:
        s3, bucket = self._at()
        try:
            s3.head_object(Bucket=bucket, Key=object_name)
        except s3.exceptions.ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey"):
                return False
            raise
        return True

    @told
    def list(
        self,
        end_offset: Optional[str] = None,
        match_glob: Optional[str] = None,
        max_results: Optional[int] = None,
        prefix: Optional[str] = None,
        start_offset: Optional[str] = None,
    ) -> List[Object]:
        s3, bucket = self._at()
        fits = _glob(match_glob) if match_glob is not None else None
        found: List[Object] = []
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix or ""):
            for item in page.get("Contents", []):
                name = item["Key"]
                if max_results is not None and len(found) >= max_results:
                    return found
                if start_offset is not None and name.encode() < start_offset.encode():
                    continue
                if end_offset is not None and name.encode() >= end_offset.encode():
                    return found
                if fits is None or fits.fullmatch(name):
                    found.append(Object(name=name))
        return found

    @told
    def upload_from_filename(self, dest_object_name: str, src_filename: str) -> None:
        s3, bucket = self._at()
        s3.upload_file(src_filename, bucket, dest_object_name)

    @told
    def upload_from_bytes(self, dest_object_name: str, src_data: bytes) -> None:
        s3, bucket = self._at()
        s3.put_object(Bucket=bucket, Key=dest_object_name, Body=src_data, ContentType="text/plain")

    @told
    def upload_from_text(self, dest_object_name: str, src_data: Union[bytes, str]) -> None:
        data = src_data.encode("utf-8") if isinstance(src_data, str) else src_data
        self.upload_from_bytes(dest_object_name, data)


def _glob(pattern: str) -> "re.Pattern[str]":
    """`*` within a folder, `**` across folders, `?`, `[abc]`, `{a,b}`."""
    depth, source = 0, ""
    for found in re.findall(r"\*\*/?|\[[^\]]+\]|.", pattern, re.S):
        if found == "**/":
            source += "(?:.*/)?"
        elif found == "**":
            source += ".*"
        elif found == "*":
            source += "[^/]*"
        elif found == "?":
            source += "[^/]"
        elif found == "{":
            depth, source = depth + 1, source + "(?:"
        elif found == "}" and depth:
            depth, source = depth - 1, source + ")"
        elif found == "," and depth:
            source += "|"
        elif len(found) > 2:
            source += found.replace("\\", "\\\\").replace("[!", "[^", 1)
        else:
            source += re.escape(found)
    return re.compile(source, re.S)
