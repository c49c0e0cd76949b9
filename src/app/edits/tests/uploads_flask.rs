//! Uploads of a Flask app where something of it needs a person: no half of them is changed.

use super::*;

fn told(items: &[String]) -> Vec<&str> {
    items.iter().map(|item| item.split_once(": ").map_or(item.as_str(), |(told, _)| told)).collect()
}

fn app(body: &str) -> String {
    format!(
        "import os\nfrom flask import request, send_from_directory\n\nUPLOAD_FOLDER = \"uploads\"\n\n\ndef up(name):\n    f = request.files[\"f\"]\n    path = os.path.join(UPLOAD_FOLDER, name)\n    f.save(path)\n{body}\n\ndef given(name):\n    return send_from_directory(UPLOAD_FOLDER, name)\n"
    )
}

#[test]
fn lines_that_need_a_person_keep_all_uploads_on_the_disk() {
    let given = app(
        "    os.rename(path, path + \".done\")\n    shutil.move(\"/tmp/x\", path)\n    size = os.path.getsize(path)\n    data = open(path, \"rb\").read()\n    os.rename(\"a\", \"b\")\n    rows = pd.read_csv(path)\n    img.save(os.path.join(UPLOAD_FOLDER, \"avatar_\" + name))\n    z.extractall(UPLOAD_FOLDER)\n    zipfile.ZipFile(os.path.join(UPLOAD_FOLDER, name))\n    names = os.listdir(UPLOAD_FOLDER)\n    doc = request.files[\"doc\"]\n    doc.save(where(name))\n    other = send_file(\"report.pdf\")\n    send_file(path)\n    img.save(\"thumbs/a.png\")\n    z.extractall(\"/tmp/x\")\n    if os.path.exists(UPLOAD_FOLDER):\n        pass\n",
    );
    let (after, items) = edited("uploads", &[("app.py", &given), ("requirements.txt", "flask\n")]);
    assert_eq!(after["app.py"], given);
    assert!(after.contains_key("uploads.py") && after["requirements.txt"].contains("boto3"), "what a person is to call is there");
    assert_eq!(
        told(&items),
        [
            "app.py:10 uploads are left on the disk as a whole, since lines of this list need a person first",
            "app.py:10 copy what lies in uploads/ to the bucket, when writes have stopped on Replit",
            "app.py:11 keep it in S3",
            "app.py:12 keep it in S3",
            "app.py:13 its size is in S3",
            "app.py:14 read it from S3",
            "app.py:16 give this the bytes from S3",
            "app.py:17 keep this in S3",
            "app.py:18 keep these files in S3",
            "app.py:19 give this the bytes from S3",
            "app.py:20 S3 has no folders",
            "app.py:22 keep this file in S3",
            "app.py:24 send it from S3",
        ],
        "{items:#?}"
    );
    assert!(!items.iter().any(|item| item.contains("as uploads.py finds them")), "{items:?}");
    // files on the disk are a finding still
    let files: Vec<(&str, &str)> = after.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let found = |files: &[(&str, &str)]| {
        crate::app::fixture::App::new(files).scan().findings.iter().filter(|finding| finding.signal == "F12").count()
    };
    assert!(found(&files) > 0);
    // once a person has done theirs, the rest is done: each line alone keeps it, none does not
    for line in
        ["    size = os.path.getsize(path)\n", "    rows = pd.read_csv(path)\n", "    img.save(os.path.join(UPLOAD_FOLDER, name))\n"]
    {
        let given = app(line);
        assert_eq!(edited("uploads", &[("app.py", &given)]).0["app.py"], given, "{line}");
    }
    let done = app("    rows = pd.read_csv(io.BytesIO(read_upload(path)))\n    size = len(read_upload(path))\n");
    let (after, items) = edited("uploads", &[("app.py", &done), ("requirements.txt", "flask\n")]);
    assert!(
        after["app.py"].contains("    save_upload(f, path)\n") && after["app.py"].contains("return send_upload(UPLOAD_FOLDER, name)"),
        "{}",
        after["app.py"]
    );
    assert_eq!(items.len(), 1, "{items:?}");
    let files: Vec<(&str, &str)> = after.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    assert_eq!(found(&files), 0);
}

#[test]
fn the_folder_of_another_file_is_copied_from_where_it_lies() {
    let views = "from flask import current_app as app, request\n\n\ndef up(name):\n    folder = app.config[\"UPLOAD_FOLDER\"]\n    f = request.files[\"f\"]\n    path = os.path.join(folder, name)\n    f.save(path)\n";
    for (config, real) in [
        ("basedir = os.path.abspath(os.path.dirname(__file__))\nUPLOAD_FOLDER = os.path.join(basedir, \"uploads\")\n", "webapp/uploads"),
        ("UPLOAD_FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), \"files\")\n", "files"),
        ("BASE_DIR = Path(__file__).resolve().parent\nUPLOAD_FOLDER = BASE_DIR / \"files\"\n", "webapp/files"),
        ("UPLOAD_FOLDER = os.path.join(app.root_path, \"files\")\n", "webapp/files"),
        ("UPLOAD_FOLDER = \"files\"\n", "files"),
    ] {
        let files = [("webapp/__init__.py", ""), ("webapp/config.py", config), ("webapp/views.py", views), ("requirements.txt", "flask\n")];
        let (after, items) = edited("uploads", &files);
        assert!(after["webapp/views.py"].contains("    save_upload(f, path)\n"), "{}", after["webapp/views.py"]);
        let sync = format!("aws s3 sync {real} s3://$S3_BUCKET/{real}");
        assert!(items.len() == 1 && items[0].ends_with(&sync), "{sync}: {items:?}");
    }
}
