//! Imported weights compute what their own programs compute with them (golden files of `golden/make_clip.py`).

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::published::{Expected, TOLERANCE, differences, import, write_formula};
use crate::support::{root, trainer, trainer_err, trainer_ok, trainer_path, weights};

fn golden(name: &str) -> PathBuf {
    root().join("tests/golden/clip").join(name)
}

fn expected(path: &str) -> Expected {
    Expected::read(&golden(path))
}

/// A folder of its own with the golden files of `layout`, to be imported or damaged.
fn published(layout: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let copy = |from: PathBuf| {
        let name = from.file_name().expect("a name").to_owned();
        fs::copy(&from, folder.path().join(name)).expect("a copy");
    };
    for file in fs::read_dir(golden(layout)).expect("golden files") {
        copy(file.expect("a file").path());
    }
    for file in ["vocab.json", "merges.txt"] {
        copy(golden("transformers").join(file));
    }
    folder
}

#[test]
fn weights_of_both_libraries_compute_what_they_do_there() {
    for layout in ["transformers", "open_clip"] {
        let folder = published(layout);
        let found = differences(&import(folder.path(), "f32"), &expected(&format!("{layout}/expected.json")));
        assert!(found.iter().all(|difference| *difference <= TOLERANCE), "{layout}: {found:?}");
    }
}

#[test]
fn captions_are_cleaned_as_the_library_of_the_layout_does() {
    let captions = ["a man’s red &amp; blue car", "a man's red & blue car"];
    for (layout, is_cleaned) in [("open_clip", true), ("transformers", false)] {
        let folder = published(layout);
        let bundle = import(folder.path(), "f32");
        let tokenizer = bundle.header().tokenizer();
        let [written, plain] = captions.map(|caption| tokenizer.encode(caption, 24).expect("tokens"));
        assert_eq!(written.ids() == plain.ids(), is_cleaned, "{layout}");
    }
}

#[test]
fn rounded_weights_stay_near_and_the_drift_is_told() {
    let folder = published("transformers");
    for (precision, most) in [("f16", 5e-3), ("q8", 5e-2)] {
        let bundle = import(folder.path(), precision);
        let logits = differences(&bundle, &expected("transformers/expected.json"))[2];
        assert!(logits > 0.0 && logits <= most, "{precision}: {logits}");
        let drift = &bundle.header().training().results;
        let [max, mean] = ["drift_max", "drift_mean"].map(|name| drift[name].as_f64().expect("a number"));
        assert!(mean > 0.0 && mean <= max && max < f64::from(most), "{precision}: {max} and {mean}");
        let told =
            trainer_ok(folder.path(), &["inspect", &format!("{precision}.safetensors"), "--device", "cpu"]);
        assert!(told.contains("drift_max") && told.contains("transformers names"), "{told}");
    }
    let bytes = |precision: &str| {
        fs::metadata(folder.path().join(format!("{precision}.safetensors"))).expect("it").len()
    };
    assert!(bytes("q8") < bytes("f16"));
}

#[test]
fn a_model_of_vit_b_32s_shape_computes_what_transformers_does() {
    let folder = tempfile::tempdir().expect("a folder");
    write_base(folder.path());
    for (precision, most) in [("f32", TOLERANCE), ("f16", 2e-3)] {
        let found = differences(&import(folder.path(), precision), &expected("vit_b_32.json"));
        assert!(found.iter().all(|difference| *difference <= most), "{precision}: {found:?}");
    }
}

/// Writes the model of `base` in `make_clip.py`, as transformers would save it.
fn write_base(folder: &Path) {
    let file = |name: &str, text: String| fs::write(folder.join(name), text).expect("a file");
    file("config.json", json!({"model_type": "clip"}).to_string());
    file("preprocessor_config.json", json!({"size": {"shortest_edge": 224}, "crop_size": 224}).to_string());
    let golden_text =
        |name: &str| fs::read_to_string(golden("transformers").join(name)).expect("a golden file");
    file("merges.txt", golden_text("merges.txt"));
    let mut vocabulary: serde_json::Map<String, Value> =
        serde_json::from_str(&golden_text("vocab.json")).expect("a vocabulary");
    vocabulary.retain(|token, _| !token.starts_with("<|"));
    for id in vocabulary.len()..49_406 {
        vocabulary.insert(format!("unused {id}"), id.into());
    }
    vocabulary.insert("<|startoftext|>".to_owned(), 49_406.into());
    vocabulary.insert("<|endoftext|>".to_owned(), 49_407.into());
    file("vocab.json", Value::from(vocabulary).to_string());

    let mut shapes = BTreeMap::new();
    let mut add = |name: &str, shape: &[usize]| {
        shapes.insert(name.to_owned(), shape.to_vec());
    };
    add("visual_projection.weight", &[512, 768]);
    add("text_projection.weight", &[512, 512]);
    add("vision_model.embeddings.class_embedding", &[768]);
    add("vision_model.embeddings.patch_embedding.weight", &[768, 3, 32, 32]);
    add("vision_model.embeddings.position_embedding.weight", &[50, 768]);
    add("text_model.embeddings.token_embedding.weight", &[49_408, 512]);
    add("text_model.embeddings.position_embedding.weight", &[77, 512]);
    for (norm, width) in [
        ("vision_model.pre_layrnorm", 768),
        ("vision_model.post_layernorm", 768),
        ("text_model.final_layer_norm", 512),
    ] {
        add(&format!("{norm}.weight"), &[width]);
        add(&format!("{norm}.bias"), &[width]);
    }
    for (tower, width) in [("vision_model", 768), ("text_model", 512)] {
        for block in 0..12 {
            for (part, shape) in [
                ("layer_norm1", &[width][..]),
                ("layer_norm2", &[width]),
                ("self_attn.q_proj", &[width, width]),
                ("self_attn.k_proj", &[width, width]),
                ("self_attn.v_proj", &[width, width]),
                ("self_attn.out_proj", &[width, width]),
                ("mlp.fc1", &[4 * width, width]),
                ("mlp.fc2", &[width, 4 * width]),
            ] {
                let name = format!("{tower}.encoder.layers.{block}.{part}");
                add(&format!("{name}.weight"), shape);
                add(&format!("{name}.bias"), &shape[..1]);
            }
        }
    }
    write_formula(&folder.join("model.safetensors"), &shapes, &[("logit_scale", 2.6592)]);
}

/// Imports a folder after `damage`, and returns the sentence it is refused with.
fn refusal(layout: &str, damage: impl Fn(&Path)) -> String {
    let folder = published(layout);
    damage(folder.path());
    let (status, said) = trainer_err(folder.path(), &["import", "--from", ".", "--out", "out.safetensors"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(!folder.path().join("out.safetensors").exists());
    said
}

fn edit(file: &Path, change: impl Fn(&mut Value)) {
    let mut json = serde_json::from_str(&fs::read_to_string(file).expect("a file")).expect("JSON");
    change(&mut json);
    fs::write(file, json.to_string()).expect("a file");
}

#[test]
fn each_kind_of_wrong_folder_has_its_own_sentence() {
    let transformers = |damage: &dyn Fn(&Path)| refusal("transformers", damage);
    let remove =
        |name: &'static str| move |folder: &Path| fs::remove_file(folder.join(name)).expect("a file");
    let said = transformers(&remove("config.json"));
    assert!(said.contains("neither config.json") && said.contains("open_clip_config.json"), "{said}");
    let said = transformers(&remove("model.safetensors"));
    assert!(said.contains("has no model.safetensors or pytorch_model.bin"), "{said}");
    let said = transformers(&remove("vocab.json"));
    assert!(said.contains("tokenizer.json") && said.contains("vocab.json"), "{said}");
    let said = transformers(&remove("preprocessor_config.json"));
    assert!(said.contains("preprocessor_config.json"), "{said}");

    let said = transformers(&|folder| {
        fs::write(folder.join("config.json"), r#"{"model_type": "llama", "hidden_size": 4096}"#)
            .expect("a file");
    });
    assert!(said.contains("\"llama\""), "{said}");
    let said = transformers(&|folder| {
        edit(&folder.join("config.json"), |config| config["text_config"]["vocab_size"] = 700.into());
    });
    assert!(said.contains("714 tokens, the model 700"), "{said}");
    let said = transformers(&|folder| {
        edit(&folder.join("config.json"), |config| config["vision_config"]["intermediate_size"] = 50.into());
    });
    assert!(said.contains("mlp.fc1.weight has shape [48, 24]"), "{said}");
    let said = transformers(&|folder| {
        edit(&folder.join("config.json"), |config| config["text_config"]["num_hidden_layers"] = 3.into());
    });
    assert!(said.contains("text_model.encoder.layers.2") && said.contains("missing"), "{said}");
    let said = transformers(&|folder| {
        edit(&folder.join("config.json"), |config| config["text_config"]["num_hidden_layers"] = 1.into());
    });
    assert!(said.contains("text_model.encoder.layers.1") && said.contains("none of the model's"), "{said}");
    let said = refusal("open_clip", |folder| {
        edit(&folder.join("open_clip_config.json"), |config| {
            config["model_cfg"]["vision_cfg"]["timm_model_name"] = "vit_base".into();
        });
    });
    assert!(said.contains("timm's vit_base"), "{said}");
}

#[test]
fn a_file_of_weights_that_is_no_such_file_is_told_from_one_that_is_cut_off() {
    let cut = |keep: usize| {
        refusal("transformers", |folder| {
            let path = folder.join("model.safetensors");
            let bytes = fs::read(&path).expect("the weights");
            fs::write(path, &bytes[..bytes.len().min(keep)]).expect("a file");
        })
    };
    assert!(cut(100_000).contains("cut off"), "{}", cut(100_000));
    assert!(cut(500).contains("cut off") && cut(3).contains("cut off"));
    let said = refusal("transformers", |folder| {
        fs::write(folder.join("model.safetensors"), b"PK\x03\x04 this is a zip of pickles").expect("a file");
    });
    assert!(said.contains("not a safetensors file"), "{said}");
    let (_, said) = trainer_err(root(), &["import", "--from", "nowhere", "--out", "out.safetensors"]);
    assert!(said.contains("nowhere is not a folder"), "{said}");
}

#[test]
fn weights_of_a_type_that_is_not_read_are_refused_before_the_model_is_described() {
    let folder = published("transformers");
    let path = folder.path().join("model.safetensors");
    let bytes = fs::read(&path).expect("the weights");
    let tensors = SafeTensors::deserialize(&bytes).expect("tensors").tensors();
    let eighths = vec![0; bytes.len()];
    let views = tensors.iter().map(|(name, view)| match name.as_str() {
        "visual_projection.weight" => {
            let shape = view.shape().to_vec();
            let bytes = &eighths[..shape.iter().product()];
            (name, TensorView::new(Dtype::F8_E4M3, shape, bytes).expect("a tensor"))
        }
        _ => (name, TensorView::new(view.dtype(), view.shape().to_vec(), view.data()).expect("a tensor")),
    });
    fs::write(&path, safetensors::serialize(views, None).expect("a file")).expect("the weights");
    let output = trainer(folder.path(), &["import", "--from", ".", "--out", "out.safetensors"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("visual_projection.weight holds no floats of 16, 32 or 64 bits"), "{said}");
    assert!(!output.status.success() && output.stdout.is_empty());
}

/// A hub on this machine with one model, `foil/tiny`: answers what `hf-hub` asks, and counts the answers.
fn hub(folder: &Path) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let answers = Arc::new(AtomicUsize::new(0));
    let (folder, counter) = (folder.to_owned(), Arc::clone(&answers));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let mut lines = BufReader::new(stream.try_clone().expect("a reader")).lines();
            let first = lines.next().expect("a request").expect("text");
            let path = first.split(' ').nth(1).expect("a path").to_owned();
            let headers: Vec<String> =
                lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let range = headers.iter().find_map(|line| {
                let range = line.to_ascii_lowercase().strip_prefix("range: bytes=")?.to_owned();
                let (first, last) = range.split_once('-')?;
                Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()))
            });
            counter.fetch_add(1, Ordering::Relaxed);
            let mut answer = |status: &str, more: &str, body: &[u8]| {
                let head = format!(
                    "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{more}\r\n",
                    body.len()
                );
                stream.write_all(&[head.as_bytes(), body].concat()).expect("an answer");
            };
            let file = path
                .strip_prefix("/foil/tiny/resolve/main/")
                .and_then(|name| Some((name.to_owned(), fs::read(folder.join(name)).ok()?)));
            match (path.as_str(), file) {
                ("/api/models/foil/tiny/revision/main", _) => {
                    let names = fs::read_dir(&folder).expect("a folder").map(|entry| {
                        serde_json::json!({"rfilename": entry.expect("a file").file_name().to_str().expect("a name")})
                    });
                    let siblings: Vec<Value> = names.collect();
                    let info = serde_json::json!({"siblings": siblings, "sha": "c0ffee"}).to_string();
                    answer("200 OK", "", info.as_bytes());
                }
                (_, Some((name, bytes))) => {
                    let (first, last) = range.unwrap_or((0, None));
                    let end = last.map_or(bytes.len(), |last| last + 1);
                    let more = format!(
                        "x-repo-commit: c0ffee\r\netag: \"{name}\"\r\ncontent-range: bytes {first}-{}/{}\r\n",
                        end - 1,
                        bytes.len()
                    );
                    answer("206 Partial Content", &more, &bytes[first..end]);
                }
                _ => answer("404 Not Found", "", b""),
            }
        }
    });
    (address, answers)
}

#[test]
fn a_model_is_fetched_once_by_its_name_and_asked_for_politely_without_a_network() {
    let source = published("transformers");
    let work = tempfile::tempdir().expect("a folder");
    let import = |name: &str, endpoint: &str| {
        let args = ["import", "--from", name, "--precision", "f32", "--out", "out.safetensors"];
        let mut command = Command::new(trainer_path());
        command.args(args).current_dir(work.path()).env("HF_HOME", work.path()).env("HF_ENDPOINT", endpoint);
        let output = command.output().expect("the trainer runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let nobody = "http://127.0.0.1:9";
    let (status, said) = import("foil/tiny", nobody);
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("cannot fetch foil/tiny") && said.contains("into a folder and name that"),
        "{said}"
    );

    let (address, answers) = hub(source.path());
    let (status, said) = import("foil/tiny", &address);
    assert_eq!(status, Some(0), "{said}");
    let fetched = fs::read(work.path().join("out.safetensors")).expect("a bundle");
    let asked = answers.load(Ordering::Relaxed);
    // Found where it was kept, with or without a hub.
    for endpoint in [address.as_str(), nobody] {
        assert_eq!(import("foil/tiny", endpoint).0, Some(0));
    }
    assert_eq!(answers.load(Ordering::Relaxed), asked);
    let again = fs::read(work.path().join("out.safetensors")).expect("a bundle");
    assert!(weights(&again) == weights(&fetched), "the weights differ");
    let (status, said) = import("foil/unknown", &address);
    assert!(status == Some(1) && said.contains("404"), "{said}");
}

#[test]
fn weights_in_pytorchs_own_format_are_the_same_weights() {
    let folder = published("transformers");
    fs::remove_file(folder.path().join("model.safetensors")).expect("a file");
    fs::copy(golden("pytorch_model.bin"), folder.path().join("pytorch_model.bin")).expect("a file");
    // Stored at half precision, inside a checkpoint of a training program.
    let found = differences(&import(folder.path(), "f32"), &expected("transformers/expected.json"));
    assert!(found.iter().all(|difference| *difference <= 5e-3), "{found:?}");
    let cut = refusal("transformers", |folder| {
        let bytes = fs::read(golden("pytorch_model.bin")).expect("the weights");
        fs::remove_file(folder.join("model.safetensors")).expect("a file");
        fs::write(folder.join("pytorch_model.bin"), &bytes[..bytes.len() / 2]).expect("a file");
    });
    assert!(cut.contains("pytorch_model.bin") && cut.contains("damaged"), "{cut}");
}
