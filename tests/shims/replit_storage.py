"""An app's use of replit.object_storage, against the drop-in. Run by tests/shims.rs, which gives S3 and a bucket."""

import gzip
import os
import tempfile

import boto3
from replit.object_storage import Client, DefaultBucketError, Object
from replit.object_storage.errors import BucketNotFoundError, ObjectNotFoundError

bucket = os.environ["DEFAULT_OBJECT_STORAGE_BUCKET_ID"]
client = Client()
client.upload_from_text("notes/a.txt", "grüße")
assert client.download_as_text("notes/a.txt") == "grüße"
client.upload_from_bytes("b.bin", bytes([0, 255]))
assert client.download_as_bytes("b.bin") == bytes([0, 255])
with tempfile.TemporaryDirectory() as folder:
    source, target = os.path.join(folder, "in"), os.path.join(folder, "out")
    with open(source, "w") as file:
        file.write("from a file")
    client.upload_from_filename("notes/sub/ü (1)+%.txt", source)
    client.download_to_filename("notes/sub/ü (1)+%.txt", target)
    assert open(target).read() == "from a file"
    boto3.client("s3").put_object(Bucket=bucket, Key="packed", Body=gzip.compress(b"by the other client"), ContentEncoding="gzip")
    client.download_to_filename("packed", target)
    assert open(target).read() == "by the other client" == client.download_as_text("packed")
client.copy("notes/sub/ü (1)+%.txt", "notes/copy.txt")
assert client.download_as_text("notes/copy.txt") == "from a file"
names = lambda **options: [item.name for item in client.list(**options)]  # noqa: E731
assert names() == ["b.bin", "notes/a.txt", "notes/copy.txt", "notes/sub/ü (1)+%.txt", "packed"], names()
assert isinstance(client.list()[0], Object)
assert names(prefix="notes/", max_results=2) == ["notes/a.txt", "notes/copy.txt"]
assert names(start_offset="notes", end_offset="notes/b") == ["notes/a.txt"]
assert names(match_glob="notes/*.txt") == ["notes/a.txt", "notes/copy.txt"]
assert names(match_glob="**/[ab]*.{txt,bin}") == ["b.bin", "notes/a.txt"], names(match_glob="**/[ab]*.{txt,bin}")
assert client.exists("b.bin") and not client.exists("nowhere")
for missing in (
    lambda: client.download_as_bytes("nowhere"),
    lambda: client.delete("nowhere"),
    lambda: client.copy("nowhere", "x"),
    lambda: client.download_to_filename("nowhere", "/tmp/never-written"),
):
    try:
        missing()
        raise AssertionError("it was there")
    except ObjectNotFoundError:
        pass
client.delete("nowhere", ignore_not_found=True)
client.delete("b.bin")
assert not client.exists("b.bin")
assert Client("replit-objstore-0000").exists("packed"), "an old bucket's id means the new bucket"
try:
    Client("there-is-no-such-bucket").list()
    raise AssertionError("it was there")
except BucketNotFoundError:
    pass
del os.environ["DEFAULT_OBJECT_STORAGE_BUCKET_ID"]
try:
    Client().list()
    raise AssertionError("it was there")
except DefaultBucketError as error:
    assert "set DEFAULT_OBJECT_STORAGE_BUCKET_ID" in str(error)
print("all of replit.object_storage holds")
