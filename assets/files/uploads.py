# Written by migrate-wizard: files of users in S3, as Flask's file.save wrote them to the local disk and send_from_directory sent them from there.
#
# Where S3_BUCKET is set the files are objects of that bucket, below the path that they had in the app's folder (uploads/a.png).
# Where it is not set (Replit until the switch, work on one's own machine) they are files on the disk, as before.
# Region and credentials: as every AWS SDK finds them (on ECS the task role). Yours to change.
#
#   save_upload(file, os.path.join("uploads", name))       for file.save(path)
#   return send_upload("uploads", name)                    for send_from_directory(folder, name)
#   read_upload("uploads/a.txt")                           for open(path, "rb").read(): bytes
#   has_upload("uploads/a.txt")                            for os.path.exists
#   remove_upload("uploads/a.txt")                         for os.remove; what is not there is no error
import mimetypes
import os

from flask import Response, abort, current_app, request, send_from_directory
from werkzeug.security import safe_join
from werkzeug.wsgi import FileWrapper

_made = {}


def _s3():
    if "client" not in _made:
        import boto3  # only where there is a bucket

        _made["client"] = boto3.client("s3")
    return _made["client"]


def _bucket():
    return os.environ.get("S3_BUCKET") or None


def _object(path):
    """The key is `uploads/a.png`, however the path is written."""
    path = os.path.relpath(os.path.abspath(path), os.getcwd())
    return {"Bucket": _bucket(), "Key": "/".join(part for part in path.split(os.sep) if part != "..")}


def _head(path):
    from botocore.exceptions import ClientError

    try:
        return _s3().head_object(**_object(path))
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 404):
            return None
        raise


class _Reader:
    """boto3 closes what it has read; a form's file may be read again."""

    def __init__(self, stream):
        self.read = stream.read


class _Object:
    """An object as a file that is fetched when it is read, from where it is read."""

    def __init__(self, path, etag):
        self._wanted = dict(_object(path), IfMatch=etag)
        self._at, self._body = 0, None

    def seekable(self):
        return True

    def seek(self, at):
        self._at = at

    def tell(self):
        return self._at

    def read(self, size=-1):
        if self._body is None:
            self._body = _s3().get_object(**self._wanted, Range=f"bytes={self._at}-")["Body"]
        data = self._body.read(size if size >= 0 else None)
        self._at += len(data)
        return data

    def close(self):
        if self._body is not None:
            self._body.close()


def save_upload(file, path):
    if not _bucket():
        file.save(path)
        return
    _s3().upload_fileobj(_Reader(getattr(file, "stream", file)), **_object(path))


def send_upload(directory, path, as_attachment=False, download_name=None, mimetype=None):
    if not _bucket():
        return send_from_directory(directory, path, as_attachment=as_attachment, download_name=download_name, mimetype=mimetype)
    where = safe_join(os.path.join(current_app.root_path, os.fspath(directory)), os.fspath(path))
    head = None if where is None or path.endswith("/") or "\0" in path else _head(where)
    if head is None:
        abort(404)
    # By the file's name, as send_from_directory has it: never what the browser said of the file.
    name = download_name or os.path.basename(path)
    kind, encoding = mimetypes.guess_type(name)
    size = head["ContentLength"]
    body = FileWrapper(_Object(where, head["ETag"])) if size else b""
    response = Response(body, mimetype=mimetype or kind or "application/octet-stream", direct_passthrough=bool(size))
    if encoding and not as_attachment:
        response.headers["Content-Encoding"] = encoding
    if as_attachment:
        response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Content-Length"] = size
    response.last_modified = head["LastModified"]
    response.set_etag(head["ETag"].strip('"'))
    response.cache_control.no_cache = True
    return response.make_conditional(request, accept_ranges=True, complete_length=size)


def read_upload(path):
    if not _bucket():
        with open(path, "rb") as file:
            return file.read()
    if _head(path) is None:
        raise FileNotFoundError(path)
    return _s3().get_object(**_object(path))["Body"].read()


def has_upload(path):
    return _head(path) is not None if _bucket() else os.path.exists(path)


def remove_upload(path):
    if _bucket():
        _s3().delete_object(**_object(path))
    elif os.path.exists(path):
        os.remove(path)
