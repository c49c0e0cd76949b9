//! Uploads of users that go to S3: what multer writes and what is sent from its folder; and what is left as it is.

use super::*;

const PACKAGE: (&str, &str) = (
    "package.json",
    "{\n  \"type\": \"module\",\n  \"dependencies\": {\n    \"express\": \"^4.21.2\",\n    \"multer\": \"^1.4.5-lts.1\"\n  }\n}\n",
);

const SYNC: &str =
    "copy what lies in uploads/ to the bucket, when writes have stopped on Replit: aws s3 sync uploads s3://$S3_BUCKET/uploads";

#[test]
fn multers_folder_and_what_is_sent_from_it_are_s3s() {
    let routes = "import express, { type Express } from \"express\";\nimport multer from \"multer\";\nimport path from \"path\";\nimport { storage } from \"./storage\";\n\nconst upload = multer({\n  dest: \"uploads/\",\n  limits: { fileSize: 5 * 1024 * 1024 },\n});\nconst disk = multer.diskStorage({\n  destination: (_req, _file, cb) => {\n    cb(null, \"./uploads/avatars\");\n  },\n  filename: (_req, file, cb) => cb(null, `${Date.now()}${path.extname(file.originalname)}`),\n});\nconst avatars = multer({ storage: disk });\nconst memory = multer({ storage: multer.memoryStorage() });\nconst plain = multer();\n\nexport function registerRoutes(app: Express) {\n  app.use(\"/uploads\", express.static(\"uploads\"));\n  app.use(\"/assets\", express.static(path.join(process.cwd(), \"assets\")));\n}\n";
    let (after, items) = edited("uploads", &[("server/routes.ts", routes), PACKAGE]);
    assert_eq!(
        after["server/routes.ts"],
        "import express, { type Express } from \"express\";\nimport multer from \"multer\";\nimport path from \"path\";\nimport { storage } from \"./storage\";\nimport { serveUploads, uploadStorage } from \"./uploads\";\n\nconst upload = multer({\n  storage: uploadStorage({ destination: \"uploads/\" }),\n  limits: { fileSize: 5 * 1024 * 1024 },\n});\nconst disk = uploadStorage({\n  destination: \"./uploads/avatars\",\n  filename: (_req, file, cb) => cb(null, `${Date.now()}${path.extname(file.originalname)}`),\n});\nconst avatars = multer({ storage: disk });\nconst memory = multer({ storage: multer.memoryStorage() });\nconst plain = multer();\n\nexport function registerRoutes(app: Express) {\n  app.use(\"/uploads\", serveUploads(\"uploads\"));\n  app.use(\"/assets\", express.static(path.join(process.cwd(), \"assets\")));\n}\n"
    );
    assert_eq!(
        after["package.json"],
        "{\n  \"type\": \"module\",\n  \"dependencies\": {\n    \"@aws-sdk/client-s3\": \"^3.700.0\",\n    \"@aws-sdk/lib-storage\": \"^3.700.0\",\n    \"express\": \"^4.21.2\",\n    \"multer\": \"^1.4.5-lts.1\"\n  }\n}\n"
    );
    assert_eq!(after["server/uploads.ts"], include_str!("../../../../assets/files/uploads.ts"));
    assert_eq!(items, [format!("server/routes.ts:8 {SYNC}")], "what lies below is copied with it");
}

#[test]
fn a_folder_is_followed_through_constants_joins_and_callbacks() {
    let given = "import multer, { diskStorage } from 'multer'\nimport fs from 'fs'\nimport path from 'path'\n\nconst __dirname = path.dirname(fileURLToPath(import.meta.url))\nconst uploadDir = path.join(__dirname, '..', 'uploads')\nif (!fs.existsSync(uploadDir)) {\n  fs.mkdirSync(uploadDir, { recursive: true })\n}\nconst one = multer({ storage: diskStorage({ destination: uploadDir, filename }) })\nconst two = multer({\n  storage: multer.diskStorage({\n    destination(req, file, cb) {\n      const dir = process.env.UPLOAD_DIR || `${process.cwd()}/files`\n      // made once\n      if (!fs.existsSync(dir)) {\n        fs.mkdirSync(dir, { recursive: true })\n      }\n      cb(null, dir)\n    },\n    filename: name,\n  }),\n})\nfunction other() {\n  const dir = 'x'\n}\nconst three = multer({ dest: path.resolve('files', 'deep') })\n";
    let (after, items) = edited("uploads", &[("src/server.js", given), PACKAGE]);
    assert_eq!(
        after["src/server.js"],
        "import multer from 'multer'\nimport fs from 'fs'\nimport path from 'path'\nimport { uploadStorage } from './uploads.mjs'\n\nconst __dirname = path.dirname(fileURLToPath(import.meta.url))\nconst uploadDir = path.join(__dirname, '..', 'uploads')\nif (!fs.existsSync(uploadDir)) {\n  fs.mkdirSync(uploadDir, { recursive: true })\n}\nconst one = multer({ storage: uploadStorage({ destination: uploadDir, filename }) })\nconst two = multer({\n  storage: uploadStorage({\n    destination: process.env.UPLOAD_DIR || `${process.cwd()}/files`,\n    filename: name,\n  }),\n})\nfunction other() {\n  const dir = 'x'\n}\nconst three = multer({ storage: uploadStorage({ destination: path.resolve('files', 'deep') }) })\n"
    );
    assert_eq!(after["src/uploads.mjs"], include_str!("../../../../assets/files/uploads.mjs"));
    assert_eq!(items.len(), 2, "{items:?}");
    assert!(items.iter().all(|item| item.contains("aws s3 sync")), "{items:?}");
}

#[test]
fn what_is_not_a_folder_of_the_app_is_left_and_said() {
    let given = "import multer from \"multer\";\nimport os from \"os\";\n\nconst temporary = multer({ dest: os.tmpdir() });\nconst also = multer({ storage: multer.diskStorage({ destination: \"/tmp/x\" }) });\nconst none = multer({ storage: multer.diskStorage({}) });\nconst each = multer.diskStorage({\n  destination: (req, _file, cb) => cb(null, `uploads/${req.user.id}`),\n});\nconst choice = multer.diskStorage({\n  destination: (req, _file, cb) => {\n    if (req.body.a) cb(null, \"a\");\n    else cb(null, \"b\");\n  },\n});\nconst outside = multer({ dest: \"../uploads\" });\n";
    let (after, items) = edited("uploads", &[("server/a.ts", given), PACKAGE]);
    assert_eq!(after["server/a.ts"], given);
    let lines: Vec<&str> = items.iter().map(|item| item.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(lines, ["server/a.ts:7", "server/a.ts:10", "server/a.ts:16"], "{items:?}");
    assert!(items[0].contains("uploadStorage({ destination: \"FOLDER\", filename: … }) of server/uploads.ts"), "{items:?}");
    assert!(after.contains_key("server/uploads.ts"), "what the line names is there");
}

#[test]
fn what_keeps_no_files_on_the_disk_is_left_alone() {
    let memory =
        "import multer from \"multer\";\nconst upload = multer({ storage: multer.memoryStorage() });\nexport const other = multer();\n";
    let s3 = "import multer from \"multer\";\nimport multerS3 from \"multer-s3\";\nconst upload = multer({ storage: process.env.BUCKET ? multerS3({ s3 }) : multer.diskStorage({ destination: \"uploads\" }) });\n";
    let page = "import multer from \"multer\";\nimport React from \"react\";\nexport const fake = multer({ dest: \"uploads/\" });\n";
    let fixed = "import express from \"express\";\nconst app = express();\napp.use(\"/uploads\", express.static(\"uploads\"));\napp.get(\"/x\", (req, res) => res.sendFile(\"uploads/a.png\"));\n";
    let own =
        "const multer = (options) => options;\nexport const upload = multer({ dest: \"uploads/\" });\nexport const c = require(\"./c\");\n";
    let html = "<script type=\"module\" src=\"/src/main.tsx\"></script>\n";
    let files = [
        ("server/memory.ts", memory),
        ("server/s3.ts", s3),
        ("client/index.html", html),
        ("client/src/main.tsx", page),
        ("server/index.ts", fixed),
        ("server/own.js", own),
        PACKAGE,
    ];
    let (after, items) = edited("uploads", &files);
    for (path, text) in files {
        assert_eq!(after[path], text, "{path}");
    }
    assert_eq!((after.len(), items), (files.len(), Vec::new()));
}

#[test]
fn the_file_keeps_its_form_and_its_own_names() {
    let given = "import multer from 'multer';\r\nimport { uploads, serveUploads } from './schema';\r\n\r\nexport function routes(app) {\r\n\tapp.use('/up', express.static('up'));\r\n\tapp.use('/uploadStorage', multer({ dest: 'up' }).single('file'));\r\n}\r\n";
    let schema = "export const uploads = 1;\n";
    let (after, _) = edited("uploads", &[("server/a.js", given), ("server/uploads.mjs", schema), PACKAGE]);
    assert_eq!(
        after["server/a.js"],
        "import multer from 'multer';\r\nimport { uploads, serveUploads } from './schema';\r\nimport { serveUploads as serveUploadsOnS3, uploadStorage } from './uploads-s3.mjs';\r\n\r\nexport function routes(app) {\r\n\tapp.use('/up', serveUploadsOnS3('up'));\r\n\tapp.use('/uploadStorage', multer({ storage: uploadStorage({ destination: 'up' }) }).single('file'));\r\n}\r\n"
    );
    assert_eq!(after["server/uploads.mjs"], schema, "a file of the app's own stays");
}

#[test]
fn commonjs_requires_its_own_form() {
    let given = "const express = require('express')\nconst multer = require('multer')\nconst app = express()\nconst upload = multer({ dest: 'uploads/' })\napp.use('/uploads', express.static('uploads', { maxAge: '1d' }))\napp.use('/old', express.static('uploads', { extensions: ['png'] }))\n";
    let package = ("package.json", "{\n  \"dependencies\": {\n    \"multer\": \"2.0.0\"\n  }\n}\n");
    let (after, items) = edited("uploads", &[("index.js", given), package]);
    assert_eq!(
        after["index.js"],
        "const express = require('express')\nconst multer = require('multer')\nconst { serveUploads, uploadStorage } = require('./uploads.cjs')\nconst app = express()\nconst upload = multer({ storage: uploadStorage({ destination: 'uploads/' }) })\napp.use('/uploads', serveUploads('uploads', { maxAge: '1d' }))\napp.use('/old', express.static('uploads', { extensions: ['png'] }))\n"
    );
    assert!(after["uploads.cjs"].contains("const { Upload } = require(\"@aws-sdk/lib-storage\");"));
    assert_eq!(items.len(), 2, "{items:?}");
    assert!(items.iter().any(|item| item.starts_with("index.js:7 serve these files from S3: serveUploads(…) of uploads.cjs")), "{items:?}");
}

#[test]
fn a_folder_below_the_apps_static_files_is_served_before_them() {
    let given = "import express from \"express\";\nimport multer from \"multer\";\nconst upload = multer({ dest: \"public/uploads\" });\nconst pages = path.join(process.cwd(), \"public\");\nexport function serve(app) {\n  app.use(express.static(\"public\"));\n  app.use(\"/files\", express.static(pages));\n}\n";
    let (after, items) = edited("uploads", &[("server/index.js", given), PACKAGE]);
    assert!(
        after["server/index.js"].ends_with(
            "export function serve(app) {\n  app.use(\"/uploads\", serveUploads(\"public/uploads\"));\n  app.use(express.static(\"public\"));\n  app.use(\"/files/uploads\", serveUploads(`${pages}/uploads`));\n  app.use(\"/files\", express.static(pages));\n}\n"
        ),
        "{}",
        after["server/index.js"]
    );
    assert_eq!(items.len(), 1, "{items:?}");
}

#[test]
fn calls_on_an_upload_become_ours_or_are_listed_once() {
    let given = "import fs from \"fs\";\nimport { unlink, readFile } from \"node:fs/promises\";\nimport path from \"path\";\nimport multer from \"multer\";\n\nconst upload = multer({ dest: \"uploads/\" });\nconst uploadDir = path.join(process.cwd(), \"uploads\");\n\napp.post(\"/import\", upload.single(\"file\"), async (req, res) => {\n  const text = fs.readFileSync(req.file.path, \"utf8\");\n  const bytes = await fs.promises.readFile(req.file.path);\n  if (fs.existsSync(req.file.path)) fs.unlinkSync(req.file.path);\n  await unlink(req.file.path);\n  fs.unlinkSync(req.file.path);\n  fs.unlink(req.file.path, () => {});\n  fs.createReadStream(req.file.path).pipe(res);\n  fs.unlink(req.file.path, (error) => done(error));\n  const taken = req.file.path;\n  const image = sharp(taken).resize(100);\n  const book = xlsx.read(fs.readFileSync(taken));\n  console.log(req.file.path);\n});\napp.get(\"/file/:name\", (req, res) => {\n  const where = path.join(uploadDir, req.params.name);\n  if (!fs.existsSync(where)) return res.sendStatus(404);\n  res.sendFile(where);\n});\nfs.mkdirSync(\"uploads\", { recursive: true });\nfs.writeFileSync(`uploads/${name}`, text);\nfs.writeFileSync(\"reports/a.txt\", text);\nawait readFile(\"reports/b.txt\");\n";
    let (after, items) = edited("uploads", &[("server/a.ts", given), PACKAGE]);
    let text = &after["server/a.ts"];
    for line in [
        "import { hasUpload, readUpload, removeUpload, uploadStorage } from \"./uploads.js\";",
        "  const text = (await readUpload(req.file.path)).toString(\"utf8\");",
        "  const bytes = await readUpload(req.file.path);",
        "  const book = xlsx.read(await readUpload(taken));",
        "  if (await hasUpload(req.file.path)) await removeUpload(req.file.path);",
        "  await removeUpload(req.file.path);",
        "  removeUpload(req.file.path).catch(() => {});",
        "  fs.unlink(req.file.path, (error) => done(error));",
        "import { readFile } from \"node:fs/promises\";",
        "fs.writeFileSync(\"reports/a.txt\", text);",
    ] {
        assert!(text.lines().any(|its| its == line), "{line}\n{text}");
    }
    let told: Vec<&str> = items.iter().map(|item| item.split_once(": ").map_or(item.as_str(), |(told, _)| told)).collect();
    assert_eq!(
        told,
        [
            "server/a.ts:7 copy what lies in uploads/ to the bucket, when writes have stopped on Replit",
            "server/a.ts:17 read it from S3",
            "server/a.ts:18 delete it in S3",
            "server/a.ts:20 sharp reads a file on the disk",
            "server/a.ts:26 ask S3 for it",
            "server/a.ts:27 send it from S3",
            "server/a.ts:30 write it to S3",
        ]
    );
}

#[test]
fn what_asks_for_more_than_a_yes_and_what_names_its_folder_otherwise_are_listed() {
    let given = "import fs from \"fs\";\nimport path from \"path\";\nimport sharp from \"sharp\";\nimport multer from \"multer\";\nconst UPLOADS = path.join(__dirname, \"../uploads\");\nconst upload = multer({ dest: UPLOADS });\napp.post(\"/a\", upload.single(\"f\"), async (req, res) => {\n  const size = fs.statSync(req.file.path).size;\n  if (fs.accessSync(path.join(UPLOADS, name))) next();\n  await sharp(bytes).resize(9).toFile(path.join(UPLOADS, \"t.png\"));\n  await sharp(bytes).toFile(\"thumbs/t.png\");\n  res.sendFile(req.params.n, { root: UPLOADS });\n  res.sendFile(\"index.html\", { root: \"dist\" });\n  fs.statSync(\"dist/index.html\");\n});\n";
    let (after, items) = edited("uploads", &[("server/a.js", given), PACKAGE]);
    assert!(after["server/uploads.mjs"].contains("export async function sizeOfUpload(path)"));
    let told: Vec<&str> = items.iter().map(|item| item.split_once(": ").map_or(item.as_str(), |(told, _)| told)).collect();
    assert_eq!(
        told[1..],
        [
            "server/a.js:9 its size is in S3",
            "server/a.js:10 ask S3 for it",
            "server/a.js:11 write it to S3",
            "server/a.js:13 send it from S3",
        ],
        "{items:?}"
    );
    assert!(items[1].contains("await sizeOfUpload(path) of server/uploads.mjs"), "{items:?}");
}

#[test]
fn a_file_that_is_not_utf_8_is_listed_and_its_finding_stays() {
    let ours = include_str!("../../../../assets/files/uploads.py");
    let code = "from flask import request\nUPLOAD_FOLDER = \"uploads\"\nf = request.files[\"f\"]\nf.save(UPLOAD_FOLDER + f.filename)\n";
    let app = crate::app::fixture::App::new(&[("uploads.py", ours), ("good.py", code), ("requirements.txt", "flask\n")]);
    std::fs::write(app.path().join("latin.py"), [code.as_bytes(), b"# caf\xe9\n"].concat()).unwrap();
    std::fs::write(app.path().join("large.js"), "x();\n".repeat(300_000)).unwrap();
    std::fs::write(app.path().join("large.min.js"), "x();\n".repeat(300_000)).unwrap();
    let reading = Reading::of(app.path()).unwrap();
    let prepared =
        prepare(&reading.files(), &Asked { only: &[], left: &BTreeSet::new(), decided: &Decided::default() }, Some(&reading)).unwrap();
    let open = prepared.into_iter().find_map(|one| one.standing).unwrap().open;
    let closed: Vec<&String> = open.iter().filter(|line| line.contains("no edit is made in it")).collect();
    assert_eq!(closed.len(), 2, "{open:?}");
    assert!(closed[0].starts_with("large.js: ") && closed[0].contains("larger than"), "{closed:?}");
    assert!(closed[1].starts_with("latin.py: ") && closed[1].contains("(not UTF-8 from line 5"), "{closed:?}");
    let places: Vec<&str> = open.iter().filter(|line| line.contains("[F12]")).filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(places, ["latin.py:2"], "{open:?}");
    // once it is UTF-8 it is edited, and the line goes
    app.put("latin.py", code);
    app.put("large.js", "x();\n");
    let list: String = open.iter().map(|line| format!("- [ ] {line}\n")).collect();
    app.put(CHECKLIST, &format!("## Left by app prepare\n\n{list}"));
    let reading = Reading::of(app.path()).unwrap();
    let files: Vec<(String, String)> =
        reading.files().into_iter().chain([(CHECKLIST.to_owned(), format!("## Left by app prepare\n\n{list}"))]).collect();
    let prepared = prepare(&files, &Asked { only: &[], left: &BTreeSet::new(), decided: &Decided::default() }, Some(&reading)).unwrap();
    let open = prepared.into_iter().find_map(|one| one.standing).unwrap().open;
    assert!(!open.iter().any(|line| line.contains("no edit is made in it") || line.contains("[F12]")), "{open:?}");
}

#[test]
fn where_other_files_stay_on_the_disk_no_call_is_changed() {
    let given = "import fs from \"fs\";\nimport os from \"os\";\nimport multer from \"multer\";\nconst upload = multer({ dest: \"uploads\" });\nconst passing = multer({ dest: os.tmpdir() });\napp.post(\"/a\", passing.single(\"file\"), async (req, res) => {\n  fs.unlinkSync(req.file.path);\n});\n";
    let (after, items) = edited("uploads", &[("server/a.ts", given), PACKAGE]);
    assert!(after["server/a.ts"].contains("  fs.unlinkSync(req.file.path);\n"), "{}", after["server/a.ts"]);
    assert!(items.len() == 2 && items[1].starts_with("server/a.ts:8 delete it in S3"), "{items:?}");
}

#[test]
fn nests_interceptors_are_multers() {
    let given = "import { FileInterceptor } from \"@nestjs/platform-express\";\nimport { diskStorage } from \"multer\";\n\nexport class A {\n  @UseInterceptors(FileInterceptor(\"file\", { dest: \"./uploads\" }))\n  one() {}\n  @UseInterceptors(FileInterceptor(\"file\", { storage: diskStorage({ destination: \"./uploads\" }) }))\n  two() {}\n}\n";
    let main = "import { join } from \"path\";\nawait boot();\napp.useStaticAssets(join(process.cwd(), \"uploads\"), { prefix: \"/uploads/\" });\n";
    let (after, items) = edited("uploads", &[("src/a.controller.ts", given), ("src/main.ts", main)]);
    assert_eq!(
        after["src/a.controller.ts"],
        "import { FileInterceptor } from \"@nestjs/platform-express\";\nimport { uploadStorage } from \"./uploads\";\n\nexport class A {\n  @UseInterceptors(FileInterceptor(\"file\", { storage: uploadStorage({ destination: \"./uploads\" }) }))\n  one() {}\n  @UseInterceptors(FileInterceptor(\"file\", { storage: uploadStorage({ destination: \"./uploads\" }) }))\n  two() {}\n}\n"
    );
    assert_eq!(after["src/main.ts"], main);
    assert_eq!(items.len(), 2, "{items:?}");
    assert!(
        items[1].starts_with(
            "src/main.ts:3 serve the users' files from S3 before this: app.use(\"/uploads\", serveUploads(\"uploads\")) of src/uploads.ts"
        ),
        "{items:?}"
    );
}

#[test]
fn another_file_of_the_app_gets_the_same_module() {
    let upload = "import multer from \"multer\";\nexport const upload = multer({ dest: \"uploads\" });\n";
    let index = "import express from \"express\";\nimport { pool } from \"./db.js\";\nconst app = express();\napp.use(\"/uploads\", express.static(\"uploads\"));\n";
    let (after, items) = edited("uploads", &[("server/lib/upload.ts", upload), ("server/index.ts", index), PACKAGE]);
    assert!(after["server/index.ts"].contains("import { serveUploads } from \"./lib/uploads.js\";\n"), "{}", after["server/index.ts"]);
    assert!(after["server/lib/upload.ts"].contains("import { uploadStorage } from \"./uploads"), "{}", after["server/lib/upload.ts"]);
    assert_eq!(items, [format!("server/lib/upload.ts:2 {SYNC}").replace(":2", ":3")]);
    assert_eq!(after.keys().filter(|path| path.contains("uploads.")).count(), 1);
}

#[test]
fn it_is_for_a_bucket_and_a_second_scan_finds_nothing() {
    let upload = "import express from \"express\";\nimport multer from \"multer\";\nimport fs from \"fs\";\nfs.mkdirSync(\"uploads\", { recursive: true });\nexport const upload = multer({ dest: \"uploads\" });\nexpress().use(\"/uploads\", express.static(\"uploads\"));\n";
    let files = [("server/a.ts", upload), PACKAGE];
    let (after, items) = with(&[("storage", "none")], &files);
    assert!(after["server/a.ts"] == upload && !items.iter().any(|item| item.contains("aws s3 sync")), "{items:?}");
    for decided in [&[("storage", "s3")][..], &[]] {
        let (after, items) = with(decided, &files);
        assert!(after["server/a.ts"].contains("uploadStorage("), "{}", after["server/a.ts"]);
        assert!(items.iter().any(|item| item.contains("aws s3 sync")), "{items:?}");
        let all: Vec<(&str, &str)> = after.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let app = crate::app::fixture::App::new(&all);
        let found = Reading::of(app.path()).unwrap().findings(&Reading::of(app.path()).unwrap().files()).unwrap();
        assert!(!found.iter().any(|finding| finding.signal == "F12"), "{found:?}");
        let read = crate::app::scan(app.path(), &crate::progress::Reporter::silent()).unwrap().variables;
        assert!(read.iter().any(|variable| variable.name == "S3_BUCKET"), "the stack gives what the code reads");
        // what is not done is found
        let more = "import { createWriteStream } from \"fs\";\ncreateWriteStream(`uploads/${name}`);\n";
        let all: Vec<(&str, &str)> = all.into_iter().chain([("server/b.ts", more)]).collect();
        let app = crate::app::fixture::App::new(&all);
        let reading = Reading::of(app.path()).unwrap();
        let found = reading.findings(&reading.files()).unwrap();
        assert!(found.iter().any(|finding| finding.signal == "F12" && finding.file == "server/b.ts"), "{found:?}");
    }
}

#[test]
fn flask_saves_and_sends_by_ours() {
    let given = "import os\nfrom flask import Flask, request, send_from_directory\nfrom werkzeug.utils import secure_filename\nfrom PIL import Image\n\napp = Flask(__name__)\nUPLOAD_FOLDER = \"uploads\"\napp.config[\"UPLOAD_FOLDER\"] = UPLOAD_FOLDER\nos.makedirs(UPLOAD_FOLDER, exist_ok=True)\n\n\n@app.post(\"/up\")\ndef up():\n    file = request.files[\"file\"]\n    name = secure_filename(file.filename)\n    file.save(os.path.join(app.config[\"UPLOAD_FOLDER\"], name))\n    photo = request.files.get(\"photo\")\n    path = os.path.join(UPLOAD_FOLDER, name)\n    photo.save(path)\n    if os.path.exists(path):\n        os.remove(path)\n    img = Image.new(\"RGB\", (1, 1))\n    img.save(\"thumbs/a.png\")\n    other = os.path.join(UPLOAD_FOLDER, name)\n    other = \"report.txt\"\n    os.unlink(other)\n    # file.save(path)\n    return name\n\n\n@app.get(\"/uploads/<name>\")\ndef given(name):\n    return send_from_directory(app.config[\"UPLOAD_FOLDER\"], name)\n\n\n@app.get(\"/p/<name>\")\ndef page(name):\n    return send_from_directory(\"pages\", name)\n";
    let (after, items) = edited("uploads", &[("app.py", given), ("requirements.txt", "flask==3.1.0\n")]);
    assert_eq!(
        after["app.py"],
        given
            .replace(
                "from PIL import Image\n",
                "from PIL import Image\nfrom uploads import has_upload, remove_upload, save_upload, send_upload\n"
            )
            .replace("    file.save(os.path", "    save_upload(file, os.path")
            .replace("# save_upload(file, ", "# file.save(")
            .replace("photo.save(", "save_upload(photo, ")
            .replace("os.path.exists(path)", "has_upload(path)")
            .replace("os.remove(", "remove_upload(")
            .replace("send_from_directory(app", "send_upload(app")
    );
    assert_eq!(after["requirements.txt"], "flask==3.1.0\nboto3>=1.34\n");
    assert_eq!(after["uploads.py"], include_str!("../../../../assets/files/uploads.py"));
    let told: Vec<&str> = items.iter().map(|item| item.split_once(": ").map_or(item.as_str(), |(told, _)| told)).collect();
    assert_eq!(told, ["app.py:17 copy what lies in uploads/ to the bucket, when writes have stopped on Replit"], "{items:?}");
    // in a package of the app's own, and with a module of that name
    let views = "from flask import request\n\nfrom .db import db\n\n\ndef up():\n    all = request.files.getlist(\"f\")\n    for one in all:\n        one.save(f\"uploads/{one.filename}\")\n";
    let files = [("shop/__init__.py", ""), ("shop/views.py", views), ("shop/uploads.py", "bp = 1\n"), ("requirements.txt", "boto3\n")];
    let (after, items) = edited("uploads", &files);
    assert_eq!(
        after["shop/views.py"],
        "from flask import request\n\nfrom .db import db\nfrom .uploads_s3 import save_upload\n\n\ndef up():\n    all = request.files.getlist(\"f\")\n    for one in all:\n        save_upload(one, f\"uploads/{one.filename}\")\n"
    );
    assert_eq!((after["requirements.txt"].as_str(), items.len()), ("boto3\n", 1), "{items:?}");
}

#[test]
fn django_and_fastapi_are_told_what_to_set() {
    let settings = "MEDIA_URL = \"/media/\"\nMEDIA_ROOT = os.path.join(BASE_DIR, \"media\")\n";
    let main = "from fastapi import FastAPI, UploadFile\napp.mount(\"/uploads\", StaticFiles(directory=\"uploads\"))\nwith open(f\"uploads/{file.filename}\", \"wb\") as out:\n    shutil.copyfileobj(file.file, out)\nwith open(\"report.txt\", \"wb\") as out:\n    pass\n";
    let done = "MEDIA_ROOT = BASE_DIR / \"media\"\nSTORAGES = {\"default\": {\"BACKEND\": \"storages.backends.s3.S3Storage\"}}\n";
    let (after, items) = edited("uploads", &[("site1/settings.py", settings), ("api/main.py", main), ("site2/settings.py", done)]);
    assert_eq!((after["site1/settings.py"].as_str(), after["api/main.py"].as_str()), (settings, main));
    assert_eq!(items.len(), 3, "{items:?}");
    assert!(items[0].starts_with("api/main.py:2 send these files from S3: a route /uploads/{name}"), "{items:?}");
    assert!(items[1].starts_with("api/main.py:3 keep this file in S3: boto3.client(\"s3\").upload_fileobj(file.file"), "{items:?}");
    assert!(
        items[2].starts_with("site1/settings.py:2 keep MEDIA_ROOT in S3: ask for django-storages[s3]")
            && items[2].contains("\"location\": \"media\""),
        "{items:?}"
    );
}
