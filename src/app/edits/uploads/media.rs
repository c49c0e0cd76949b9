//! Uploads of Django and FastAPI: what a person sets, so that they are in S3.
//! Never changes their code: where such a file goes is said in too many ways.

use regex::Regex;

use super::super::super::mark;
use super::super::work::{Work, line_of};
use super::WHY;

pub fn django(work: &mut Work) {
    let Ok(media) = Regex::new(r"(?m)^MEDIA_ROOT\s*=\s*([^\r\n#]+)") else { return };
    let Ok(last) = Regex::new(r#"["']([\w./-]+)["']\s*\)?\s*$"#) else { return };
    for path in work.paths(|path, text| path.ends_with(".py") && media.is_match(text) && !text.contains("storages.backends")) {
        let text = work.text(&path).unwrap_or_default();
        let Some(found) = media.captures(text) else { continue };
        let value = found.get(1).map(|value| value.as_str()).unwrap_or_default();
        let literal = last.captures(value).and_then(|found| Some(found.get(1)?.as_str().to_owned()));
        let local = literal.as_deref().unwrap_or("media").trim_matches('/').to_owned();
        let line = found.get(0).map(|whole| line_of(text, whole.start()));
        let what = format!(
            "keep MEDIA_ROOT in S3: ask for django-storages[s3], add \"storages\" to INSTALLED_APPS, and STORAGES = {{\"default\": {{\"BACKEND\": \"storages.backends.s3.S3Storage\", \"OPTIONS\": {{\"bucket_name\": os.environ[\"S3_BUCKET\"], \"location\": \"{local}\", \"querystring_auth\": True, \"file_overwrite\": False}}}}, \"staticfiles\": {{\"BACKEND\": what it is now}}}} (before Django 4.2: DEFAULT_FILE_STORAGE, AWS_STORAGE_BUCKET_NAME and AWS_LOCATION); then aws s3 sync {local} s3://$S3_BUCKET/{local}"
        );
        work.item(&path, line, &what, WHY);
    }
}

pub fn fastapi(work: &mut Work) {
    let Ok(writes) = Regex::new(r#"\bopen\(\s*(?:f?["'](?:\./)?uploads/|os\.path\.join\(\s*(?:UPLOAD_\w+|["']uploads))[^\n]*["'][wx]b"#)
    else {
        return;
    };
    let Ok(sends) = Regex::new(r#"StaticFiles\(\s*directory\s*=\s*["'](?:\./)?uploads["'/]"#) else { return };
    for path in work.paths(|path, text| path.ends_with(".py") && text.contains("fastapi") && !mark::is_written(text)) {
        let text = work.text(&path).unwrap_or_default().to_owned();
        for found in writes.find_iter(&text) {
            let what = "keep this file in S3: boto3.client(\"s3\").upload_fileobj(file.file, os.environ[\"S3_BUCKET\"], f\"uploads/{name}\") in a thread (run_in_threadpool), and ask for boto3; then aws s3 sync uploads s3://$S3_BUCKET/uploads";
            work.item(&path, Some(line_of(&text, found.start())), what, WHY);
        }
        for found in sends.find_iter(&text) {
            let what = "send these files from S3: a route /uploads/{name} that answers with StreamingResponse(boto3.client(\"s3\").get_object(Bucket=os.environ[\"S3_BUCKET\"], Key=f\"uploads/{name}\")[\"Body\"].iter_chunks(), media_type=mimetypes.guess_type(name)[0])";
            work.item(&path, Some(line_of(&text, found.start())), what, WHY);
        }
    }
}
