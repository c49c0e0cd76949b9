// Changes a bucket behind the wizard's back: put NAME SIZE, delete NAME.
const { S3Client, PutObjectCommand, DeleteObjectCommand } = require("@aws-sdk/client-s3");
const [Bucket, what, Key, size] = process.argv.slice(2);
const command = what === "put" ? new PutObjectCommand({ Bucket, Key, Body: Buffer.alloc(Number(size), 1) }) : new DeleteObjectCommand({ Bucket, Key });
new S3Client({ forcePathStyle: true }).send(command).then(() => console.log(what), (error) => { console.error(error); process.exit(1); });
