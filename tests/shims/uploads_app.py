"""A Flask app on the drop-in for uploads, with S3 and an empty bucket or without a bucket. Run by tests/shims.rs."""
import io
import os
import sys
import tempfile

import boto3
from flask import Flask, request

import uploads

os.chdir(tempfile.mkdtemp())
os.makedirs("uploads/sub")
app = Flask(__name__, root_path=os.getcwd())
app.config["UPLOAD_FOLDER"] = "uploads"
bucket = os.environ.get("S3_BUCKET")
s3 = boto3.client("s3") if bucket else None


@app.post("/send/<path:name>")
def take(name):
    file = request.files["file"]
    uploads.save_upload(file, os.path.join(app.config["UPLOAD_FOLDER"], name))
    file.seek(0)
    return str(len(file.read()))


@app.get("/uploads/<path:name>")
def give(name):
    return uploads.send_upload(app.config["UPLOAD_FOLDER"], name)


@app.get("/download/<path:name>")
def download(name):
    return uploads.send_upload(os.path.abspath("uploads"), name, as_attachment=True, download_name="mine.txt")


client = app.test_client()


def kept():
    if not s3:
        return sorted(os.path.join(at, name) for at, _, names in os.walk("uploads") for name in names)
    return sorted(found["Key"] for found in s3.list_objects_v2(Bucket=bucket).get("Contents", []))


big = bytes((at * 31 + (at >> 8)) & 255 for at in range(9 * 1024 * 1024))
sent = client.post("/send/big.png", data={"file": (io.BytesIO(big), "big.png", "text/html")})
assert (sent.status_code, sent.text) == (200, str(len(big))), "the form's file can be read again"
assert kept() == ["uploads/big.png"], kept()
assert os.path.exists("uploads/big.png") == (not bucket)
client.post("/send/sub/ü (1).txt", data={"file": (io.BytesIO("grüße".encode()), "x")})
client.post("/send/empty.txt", data={"file": (io.BytesIO(b""), "x")})

whole = client.get("/uploads/big.png")
assert (whole.status_code, whole.data == big) == (200, True)
assert (whole.content_type, whole.content_length) == ("image/png", len(big)), whole.headers
assert whole.headers["Accept-Ranges"] == "bytes" and whole.headers["Cache-Control"] == "no-cache", whole.headers
assert client.get("/uploads/sub/ü (1).txt").text == "grüße"
assert client.get("/uploads/empty.txt").data == b""
head = client.head("/uploads/big.png")
assert (head.status_code, head.content_length, head.data) == (200, len(big), b"")
part = client.get("/uploads/big.png", headers={"Range": "bytes=8400000-8400019"})
assert (part.status_code, part.data) == (206, big[8400000:8400020])
assert part.headers["Content-Range"] == f"bytes 8400000-8400019/{len(big)}"
assert client.get("/uploads/big.png", headers={"Range": "bytes=-5"}).data == big[-5:]
assert client.get("/uploads/big.png", headers={"Range": "bytes=99999999-"}).status_code == 416
same = client.get("/uploads/big.png", headers={"If-None-Match": whole.headers["ETag"]})
assert (same.status_code, same.data) == (304, b"")
assert client.get("/uploads/big.png", headers={"If-None-Match": '"another"'}).status_code == 200
assert client.get("/uploads/big.png", headers={"If-Modified-Since": whole.headers["Last-Modified"]}).status_code == 304
attached = client.get("/download/sub/ü (1).txt")
assert attached.text == "grüße" and attached.headers["Content-Disposition"] == "attachment; filename=mine.txt", attached.headers

with open("secret.txt", "w") as file:
    file.write("secret")
if s3:
    s3.put_object(Bucket=bucket, Key="secret.txt", Body=b"secret")
for target in ["nowhere", "", "sub", "sub/", "../secret.txt", "..%2fsecret.txt", "sub/..%2f..%2fsecret.txt", "%2e%2e/secret.txt", "/secret.txt", "a%00b", "n" * 1100]:
    answer = client.get(f"/uploads/{target}")
    assert answer.status_code in (404, 308) and "secret" not in answer.text.replace("secret.txt", ""), (target, answer.status_code)

assert uploads.read_upload("uploads/sub/ü (1).txt").decode() == "grüße"
assert uploads.read_upload(os.path.abspath("uploads/big.png")) == big
assert (uploads.has_upload("./uploads/empty.txt"), uploads.has_upload("uploads/none")) == (True, False)
try:
    uploads.read_upload("uploads/none")
    sys.exit("what is not there was read")
except FileNotFoundError:
    pass
uploads.remove_upload("uploads/empty.txt")
uploads.remove_upload("uploads/empty.txt")
assert not uploads.has_upload("uploads/empty.txt")
print(f"all of Flask's uploads holds {'in S3' if s3 else 'on the disk'}")
