//! Images: what goes in, for which processor, and how one that was built elsewhere gets into ECR layer by layer.
//! ECR's layer API is a scripted stand-in that checks digests, order and size of parts (the emulator takes anything); the last test pushes to
//! the emulator. No container tool is used: the images are made here, byte by byte.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use migrate_wizard::cloud::{archive, layers};
use migrate_wizard::error::Kind;
use migrate_wizard::progress::{Note, Reporter};
use serde_json::{Value, json};

use crate::support::aws_standin::{Registry, StandIn, sha256};
use crate::support::chance::Chance;
use crate::support::emulator::Emulator;
use crate::support::postgres::block;
use crate::support::wizard::Wizard;

/// What the stand-in asks for, so that a small image has several; the limit of ECR itself is checked too.
const PART: usize = 64 * 1024;

fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut chance = Chance::new(seed);
    let mut bytes: Vec<u8> = std::iter::repeat_with(|| chance.number().to_le_bytes()).take(length.div_ceil(8)).flatten().collect();
    bytes.truncate(length);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// An image made here: unpacked layers and its platform.
struct Made {
    layers: Vec<Vec<u8>>,
    architecture: &'static str,
}

impl Made {
    fn config(&self) -> Vec<u8> {
        let ids: Vec<String> = self.layers.iter().map(|layer| sha256(layer)).collect();
        json!({ "architecture": self.architecture, "os": "linux", "rootfs": { "type": "layers", "diff_ids": ids } })
            .to_string()
            .into_bytes()
    }

    /// An OCI layout as names and bytes, and the digest of its image. With an attestation beside it, as buildx makes one.
    fn oci(&self) -> (Vec<(String, Vec<u8>)>, String) {
        let mut files = vec![("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())];
        let mut blob = |bytes: Vec<u8>, media_type: &str| {
            let found = json!({ "mediaType": media_type, "size": bytes.len(), "digest": sha256(&bytes) });
            files.push((format!("blobs/sha256/{}", sha256(&bytes).trim_start_matches("sha256:")), bytes));
            found
        };
        let layers: Vec<Value> = self.layers.iter().map(|l| blob(gzip(l), "application/vnd.oci.image.layer.v1.tar+gzip")).collect();
        let config = blob(self.config(), "application/vnd.oci.image.config.v1+json");
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest =
            blob(json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers }).to_string().into_bytes(), kind);
        let unknown = blob(br#"{"architecture":"unknown","os":"unknown"}"#.to_vec(), "application/vnd.oci.image.config.v1+json");
        let mut proof =
            blob(json!({ "schemaVersion": 2, "mediaType": kind, "config": unknown, "layers": [] }).to_string().into_bytes(), kind);
        proof["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
        let inner = json!({ "schemaVersion": 2, "manifests": [proof, manifest] }).to_string().into_bytes();
        let outer = blob(inner, "application/vnd.oci.image.index.v1+json");
        files.push(("index.json".to_owned(), json!({ "schemaVersion": 2, "manifests": [outer] }).to_string().into_bytes()));
        (files, manifest["digest"].as_str().unwrap().to_owned())
    }

    /// What `docker save` wrote before version 25: unpacked layers, the second time a layer comes it is a link.
    fn saved(&self) -> Vec<(String, Vec<u8>)> {
        let config = self.config();
        let name = format!("{}.json", sha256(&config).trim_start_matches("sha256:"));
        let names: Vec<String> = (0..self.layers.len()).map(|n| format!("{n:064x}/layer.tar")).collect();
        let manifest = json!([{ "Config": name, "RepoTags": ["shop:1"], "Layers": names }]).to_string().into_bytes();
        let mut files: Vec<_> = names.into_iter().zip(self.layers.clone()).collect();
        files.extend([(name, config), ("manifest.json".to_owned(), manifest)]);
        files
    }
}

fn tar(path: &Path, files: &[(String, Vec<u8>)]) -> PathBuf {
    let mut tar = tar::Builder::new(std::fs::File::create(path).unwrap());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    tar.finish().unwrap();
    path.to_owned()
}

fn made(seed: u64) -> Made {
    Made { layers: vec![random(seed, 160 * 1024), b"a small layer".to_vec()], architecture: "amd64" }
}

fn registry() -> (StandIn, Arc<Mutex<Registry>>) {
    let registry = Arc::new(Mutex::new(Registry { part: PART, ..Registry::default() }));
    let answering = registry.clone();
    (StandIn::start(move |operation, body| answering.lock().unwrap().answer(operation, body)), registry)
}

#[test]
fn an_archive_is_sent_by_part_and_goes_on_after_an_interruption() {
    let dir = tempfile::tempdir().unwrap();
    let (files, digest) = made(1).oci();
    let path = tar(&dir.path().join("app.tar"), &files);
    let marks = dir.path().join("uploads");
    let (stand_in, registry) = registry();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    let reporter = Reporter::new(move |note| {
        if let Note::Progress(progress) = note {
            heard.lock().unwrap().push(progress);
        }
    });
    block(async {
        let aws = stand_in.aws().await;
        let push = async || layers::push(&aws, "shop/web", "1", archive::open(&path, "linux/amd64").unwrap(), &marks, &reporter).await;

        registry.lock().unwrap().parts_until_failure = Some(2);
        assert_eq!(push().await.unwrap_err().what, "ecr:UploadLayerPart failed");
        assert_eq!(stand_in.count("UploadLayerPart"), 3, "two were taken, the third was refused");

        let done = push().await.unwrap();
        assert_eq!((done.digest.as_str(), done.bytes_before), (digest.as_str(), 2 * PART as u64));
        assert_eq!(stand_in.count("InitiateLayerUpload"), 3, "large layer, small layer, configuration: each begun once");
        let firsts: Vec<u64> = stand_in.bodies("UploadLayerPart").iter().map(|body| body["partFirstByte"].as_u64().unwrap()).collect();
        assert_eq!(firsts, [0, PART as u64, 2 * PART as u64, 2 * PART as u64, 0, 0], "it went on with the part that was missing");
        let parts = registry.lock().unwrap().parts(&digest);
        assert_eq!(parts.len(), 3);
        assert_eq!(std::fs::read_dir(&marks).unwrap().count(), 0, "nothing is left of what is complete");

        let calls = stand_in.count("UploadLayerPart");
        assert_eq!(push().await.unwrap().layers_sent, 0);
        let other = layers::push(&aws, "shop/web", "2", archive::open(&path, "linux/amd64").unwrap(), &marks, &reporter).await.unwrap();
        assert_eq!((other.layers_there, other.layers_sent), (3, 0), "another tag of the same image sends no layer");
        assert_eq!(stand_in.count("UploadLayerPart"), calls);
        assert_eq!(registry.lock().unwrap().tags["2"], digest);
    });
    let told = told.lock().unwrap();
    let last = told.last().unwrap();
    assert_eq!(Some(last.done), last.total, "progress ends at its total");
    assert!(told.iter().any(|progress| progress.figures.iter().any(|f| f.name == "bytes_per_s" && f.value > 0)));
}

#[test]
fn an_upload_that_ecr_forgot_is_sent_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (files, digest) = made(2).oci();
    let path = tar(&dir.path().join("app.tar"), &files);
    let (stand_in, registry) = registry();
    block(async {
        let aws = stand_in.aws().await;
        let marks = dir.path().join("uploads");
        let push =
            async || layers::push(&aws, "shop/web", "1", archive::open(&path, "linux/amd64").unwrap(), &marks, &Reporter::silent()).await;
        registry.lock().unwrap().parts_until_failure = Some(1);
        push().await.unwrap_err();
        registry.lock().unwrap().forget = true;
        assert_eq!(push().await.unwrap().digest, digest);
        assert_eq!(registry.lock().unwrap().parts(&digest).len(), 3);
    });
}

#[test]
fn what_docker_save_wrote_is_packed_the_same_each_time_and_its_content_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let image = made(3);
    let saved = tar(&dir.path().join("saved.tar"), &image.saved());
    let packed = dir.path().join("saved.tar.gz");
    std::fs::write(&packed, gzip(&std::fs::read(&saved).unwrap())).unwrap();
    let (stand_in, registry) = registry();
    block(async {
        let aws = stand_in.aws().await;
        let marks = dir.path().join("uploads");
        let push = async |path: &Path| {
            layers::push(&aws, "shop/web", "1", archive::open(path, "linux/amd64").unwrap(), &marks, &Reporter::silent()).await
        };
        let first = push(&saved).await.unwrap();
        let again = push(&packed).await.unwrap();
        assert_eq!((again.digest, again.bytes_sent), (first.digest.clone(), 0), "packed or not, it is the same image");
        let registry = registry.lock().unwrap();
        let manifest: Value = serde_json::from_str(&registry.images[&first.digest]).unwrap();
        assert_eq!(manifest["config"]["digest"].as_str().unwrap(), sha256(&image.config()), "the image's id is Docker's");
        let mut layer = Vec::new();
        let bytes = &registry.layers[manifest["layers"][0]["digest"].as_str().unwrap()];
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes.as_slice()), &mut layer).unwrap();
        assert!(layer == image.layers[0], "what arrived unpacks to what was saved");
    });
    let mut broken = image.saved();
    broken[0].1[100] ^= 1;
    let error = archive::open(&tar(&dir.path().join("broken.tar"), &broken), "linux/amd64").unwrap_err();
    assert!(error.what.starts_with("the archive is damaged"), "{}", error.what);
}

#[test]
fn a_damaged_layer_is_not_sent_and_another_platform_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut files, _) = made(4).oci();
    let layer = files.iter_mut().find(|(name, bytes)| name.starts_with("blobs/") && bytes.len() > PART).unwrap();
    layer.1[1000] ^= 1;
    let path = tar(&dir.path().join("app.tar"), &files);
    let (stand_in, _registry) = registry();
    block(async {
        let aws = stand_in.aws().await;
        let opened = archive::open(&path, "linux/amd64").unwrap();
        let error = layers::push(&aws, "shop/web", "1", opened, dir.path(), &Reporter::silent()).await.unwrap_err();
        assert_eq!((error.kind, stand_in.count("UploadLayerPart")), (Kind::Input, 0));
    });

    let arm = Made { architecture: "arm64", layers: vec![b"x".to_vec()] };
    let path = tar(&dir.path().join("arm.tar"), &arm.oci().0);
    let done = Wizard::empty().envs(stand_in.env()).run(&[
        "image",
        "push",
        "--archive",
        path.to_str().unwrap(),
        "--repository",
        "shop/web",
        "--tag",
        "1",
    ]);
    done.expect(1).says("the image is for linux/arm64, and the task runs on linux/amd64").says("exec format error");
    assert_eq!(stand_in.count("InitiateLayerUpload"), 0);
}

#[test]
fn what_is_no_archive_says_how_to_make_one() {
    let dir = tempfile::tempdir().unwrap();
    let nothing = tar(&dir.path().join("nothing.tar"), &[("hello.txt".to_owned(), b"hello".to_vec())]);
    let error = archive::open(&nothing, "linux/amd64").unwrap_err();
    assert_eq!(error.kind, Kind::Input);
    assert!(error.hint.contains("docker save"), "{}", error.hint);
    let text = dir.path().join("app.txt");
    std::fs::write(&text, "this is no tar file at all, not even a short one").unwrap();
    assert_eq!(archive::open(&text, "linux/amd64").unwrap_err().kind, Kind::Input);
    assert_eq!(archive::open(&dir.path().join("absent.tar"), "linux/amd64").unwrap_err().kind, Kind::Input);
}

#[test]
fn a_dry_run_of_the_build_lists_what_would_go_in_and_names_secrets() {
    let wizard = Wizard::empty();
    for (name, text) in
        [("Dockerfile", "FROM scratch\nCOPY . /\n"), (".gitignore", "node_modules\n"), (".env", "A=b"), ("src/app.js", "1;")]
    {
        let path = wizard.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::create_dir_all(wizard.path().join("node_modules/x")).unwrap();
    std::fs::write(wizard.path().join("node_modules/x/index.js"), "1;").unwrap();
    let done = wizard.run(&["image", "build", "--dry-run", "--repository", "shop/web", "--tag", "1"]).expect(0);
    let said = done.out();
    assert!(said.contains("3 files, ") && said.contains("after .gitignore"), "{said}");
    assert!(said.contains("! left out: .env (environment with secrets"), "{said}");
    assert!(!said.contains("node_modules"), "{said}");
    let listed: Value =
        serde_json::from_str(&wizard.run(&["image", "build", "--dry-run", "--json", "--repository", "shop/web"]).expect(0).out()).unwrap();
    let names: Vec<&str> = listed["context"]["files"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap()).collect();
    assert_eq!(names, [".gitignore", "Dockerfile", "src/app.js"]);
}

#[test]
fn the_emulator_has_the_image_that_was_pushed() {
    let emulator = Emulator::start(&[]);
    let wizard = Wizard::empty().envs(emulator.env());
    let (files, digest) = Made { architecture: "amd64", layers: vec![b"one".to_vec()] }.oci();
    let path = tar(&wizard.path().join("app.tar"), &files);
    let push = ["image", "push", "--archive", path.to_str().unwrap(), "--repository", "shop/web", "--tag", "1", "--json"];
    wizard.run(&push).expect(1).says("there is no image repository shop/web");
    block(async {
        let config = emulator.config().await;
        aws_sdk_ecr::Client::new(&config).create_repository().repository_name("shop/web").send().await.unwrap();
    });
    let report: Value = serde_json::from_str(wizard.run(&push).expect(0).out().lines().last().unwrap()).unwrap();
    assert_eq!(report["digest"], digest.as_str());
    assert!(report["image"].as_str().unwrap().ends_with(&format!("/shop/web@{digest}")), "{report}");
    block(async {
        let config = emulator.config().await;
        let id = aws_sdk_ecr::types::ImageIdentifier::builder().image_tag("1").build();
        let found = aws_sdk_ecr::Client::new(&config).batch_get_image().repository_name("shop/web").image_ids(id).send().await.unwrap();
        assert_eq!(found.images()[0].image_id().unwrap().image_digest(), Some(digest.as_str()));
    });
}
