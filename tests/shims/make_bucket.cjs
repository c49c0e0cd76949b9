// A bucket for a test.
const { S3Client, CreateBucketCommand } = require("@aws-sdk/client-s3");
new S3Client({ forcePathStyle: true }).send(new CreateBucketCommand({ Bucket: process.argv[2] })).then(() => console.log("made"), (error) => { console.error(error); process.exit(1); });
