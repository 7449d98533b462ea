//! A model's files by its name on the Hugging Face hub. `hf-hub` keeps them where Python's `huggingface_hub` does, so
//! that what one has fetched the other finds; `HF_HOME`, `HF_ENDPOINT` and tokens work as there.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hf_hub::api::sync::{Api, ApiBuilder};
use hf_hub::{Cache, Repo};

use shared::import::{DOCUMENTS, Layout, TOKENIZERS};

/// The folder that a path or a name stands for. The files of a name are fetched unless they are there already.
///
/// # Errors
/// If it is neither a folder nor a name, or the files cannot be fetched; the sentence says which files to put where.
pub fn folder(from: &Path) -> Result<PathBuf> {
    if from.is_dir() {
        return Ok(from.to_owned());
    }
    let Some(name) = from.to_str().filter(|name| is_name(name)) else {
        bail!(
            "{} is not a folder, nor the name of a model such as openai/clip-vit-base-patch32",
            from.display()
        );
    };
    if let Some(folder) = kept(name) {
        return Ok(folder);
    }
    fetch(name).with_context(|| {
        format!(
            "cannot fetch {name} from the hub; put its {}, {} and, where it has them, {} into a folder and name that",
            Layout::Transformers.config_name(),
            Layout::Transformers.weights()[0],
            DOCUMENTS[1..].iter().filter(|other| **other != Layout::Transformers.config_name()).copied().collect::<Vec<_>>().join(", ")
        )
    })
}

/// The folder that a path or a name stands for, with every file of a name that is needed. `last` are such files as are fetched at
/// the end, in this order: where all of them are, the rest is, too.
///
/// # Errors
/// If it is neither a folder nor a name, or the files cannot be fetched.
#[cfg(feature = "diffusion")]
pub fn snapshot(from: &Path, last: &[&str], is_needed: &dyn Fn(&str) -> bool) -> Result<PathBuf> {
    if from.is_dir() {
        return Ok(from.to_owned());
    }
    let Some(name) = from.to_str().filter(|name| is_name(name)) else {
        bail!("{} is not a folder, nor the name of a model on the hub such as owner/model", from.display());
    };
    let cache = Cache::from_env().repo(Repo::model(name.to_owned()));
    let kept: Option<Vec<PathBuf>> = last.iter().map(|file| cache.get(file)).collect();
    let root = |file: &Path, name: &str| file.ancestors().nth(name.split('/').count()).map(Path::to_owned);
    if let (Some(files), [first, ..]) = (kept, last) {
        return root(&files[0], first).context("a file without a folder");
    }
    let fetch = || -> Result<PathBuf> {
        let repo = api()?.model(name.to_owned());
        let files = repo.info()?.siblings.into_iter().map(|file| file.rfilename);
        for file in files.filter(|file| is_needed(file) && !last.contains(&file.as_str())) {
            repo.get(&file)?;
        }
        let mut folder = None;
        for file in last {
            folder = root(&repo.get(file)?, file);
        }
        folder.context("a file without a folder")
    };
    fetch().with_context(|| {
        format!("cannot fetch {name} from the hub; put its files into a folder and name that")
    })
}

fn api() -> Result<Api> {
    let mut api = ApiBuilder::from_env();
    if let Some(token) = std::env::var("HF_TOKEN").ok().filter(|token| !token.is_empty()) {
        api = api.with_token(Some(token));
    }
    Ok(api.build()?)
}

/// `owner/model`, in the letters that the hub allows.
fn is_name(text: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
    };
    text.split_once('/').is_some_and(|(owner, model)| plain(owner) && plain(model))
}

/// The folder of a model that was fetched before, if all that it needs is in it.
fn kept(name: &str) -> Option<PathBuf> {
    let repo = Cache::from_env().repo(Repo::model(name.to_owned()));
    Layout::ALL.into_iter().find_map(|layout| {
        let folder = repo.get(layout.config_name())?.parent()?.to_owned();
        let has = |name: &str| folder.join(name).exists();
        let can_read = TOKENIZERS.iter().any(|files| files.iter().all(|file| has(file)));
        (can_read && layout.weights().iter().any(|weights| has(weights))).then_some(folder)
    })
}

fn fetch(name: &str) -> Result<PathBuf> {
    let repo = api()?.model(name.to_owned());
    let files: Vec<String> = repo.info()?.siblings.into_iter().map(|file| file.rfilename).collect();
    let has = |name: &str| files.iter().any(|file| file == name);
    for layout in Layout::ALL {
        let Some(weights) = layout.weights().iter().find(|weights| has(weights)) else { continue };
        if has(layout.config_name()) {
            for document in DOCUMENTS.into_iter().filter(|document| has(document)) {
                repo.get(document)?;
            }
            // The weights last: with them the model counts as fetched.
            let weights = repo.get(weights)?;
            return Ok(weights.parent().context("a file without a folder")?.to_owned());
        }
    }
    bail!("it has no weights that can be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_paths() {
        assert!(is_name("openai/clip-vit-base-patch32") && is_name("laion/CLIP-ViT-B-32-laion2B-s34B-b79K"));
        for path in ["clip", "./clip", "../x", "/x/y", "a/b/c", "a/", "", "a b/c", "a/.."] {
            assert!(!is_name(path), "{path:?}");
        }
    }
}
