//! CLIP's tokenizer from the two files that are published where there is no `tokenizer.json`.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Documents, ImportError};

/// The file of tokens and their numbers.
pub const TOKENS: &str = "vocab.json";
/// The file of merges, the earliest first.
pub const MERGES: &str = "merges.txt";

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

/// How CLIP cuts a caption into pieces before merging bytes (openai/CLIP, `clip/simple_tokenizer.py`).
const PIECES: &str = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// The `tokenizer.json` that `vocab.json` and `merges.txt` stand for.
///
/// # Errors
/// If one of them is missing or cannot be understood.
pub fn tokenizer_json(documents: &Documents) -> Result<String, ImportError> {
    Ok(merged(documents)?)
}

fn merged(documents: &Documents) -> Result<String> {
    let vocabulary =
        documents.json(TOKENS).with_context(|| format!("there is no {} to use instead", super::TOKENIZER))?;
    let id =
        |token: &str| vocabulary[token].as_u64().with_context(|| format!("{TOKENS} has no token {token:?}"));
    let (start, end) = (id(START)?, id(END)?);
    let text = documents.text(MERGES)?;
    // The published file of merges is longer than the vocabulary: what comes after would merge to no token.
    let n_bytes = 2 * 256;
    let n_merges = vocabulary.as_object().map_or(0, serde_json::Map::len).saturating_sub(n_bytes + 2);
    let merges = text.lines().filter(|line| !line.starts_with("#version") && !line.trim().is_empty());
    let merges: Vec<&str> = merges.take(n_merges).collect();
    let special = |id: u64, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true})
    };
    let byte_level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let tokenizer: Value = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [special(start, START), special(end, END)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"},
            {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
            {"type": "Lowercase"},
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": PIECES}, "behavior": "Removed", "invert": true},
            byte_level,
        ]},
        "post_processor": {"type": "RobertaProcessing", "sep": [END, end], "cls": [START, start],
            "trim_offsets": false, "add_prefix_space": false},
        "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": END, "continuing_subword_prefix": "",
            "end_of_word_suffix": "</w>", "fuse_unk": false, "byte_fallback": false,
            "vocab": vocabulary, "merges": merges,
        },
    });
    Ok(tokenizer.to_string())
}
