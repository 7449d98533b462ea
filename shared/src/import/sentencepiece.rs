//! SigLIP's tokenizer from SentencePiece's own file, where there is no `tokenizer.json` (arXiv 1808.06226).

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::ImportError;

/// The file.
pub const MODEL: &str = "spiece.model";

/// The token that ends a caption.
const END: &str = "</s>";

/// What a space is written as.
const SPACE: &str = "▁";

/// The numbers of what is read, in `sentencepiece_model.proto`.
mod field {
    pub const PIECE: u32 = 1;
    pub const NORMALIZER: u32 = 3;
    pub const PIECE_TEXT: u32 = 1;
    pub const PIECE_SCORE: u32 = 2;
    pub const PIECE_KIND: u32 = 3;
    pub const NORMALIZER_MAP: u32 = 2;
    pub const TRAINER: u32 = 2;
    pub const TRAINER_KIND: u32 = 3;
}

/// The kind of a piece that stands for what is in no other.
const UNKNOWN: u32 = 2;

/// The kind of a model whose pieces have probabilities.
const UNIGRAM: u32 = 1;

/// The `tokenizer.json` that a `spiece.model` stands for.
///
/// # Errors
/// If it is cut off or damaged, or of another kind than SigLIP's.
pub fn tokenizer_json(bytes: &[u8]) -> Result<String, ImportError> {
    Ok(read(bytes).with_context(|| format!("{MODEL} cannot be used"))?)
}

fn read(bytes: &[u8]) -> Result<String> {
    let (mut pieces, mut unknown, mut map, mut kind) = (Vec::new(), None, &[][..], UNIGRAM);
    for entry in Message(bytes) {
        match entry? {
            (field::PIECE, Content::Bytes(piece)) => {
                let (text, score, kind) = read_piece(piece)?;
                if kind == UNKNOWN {
                    unknown = Some(pieces.len());
                }
                pieces.push((text, score));
            }
            (field::TRAINER, Content::Bytes(trainer)) => {
                for entry in Message(trainer) {
                    if let (field::TRAINER_KIND, Content::Number(number)) = entry? {
                        kind = number;
                    }
                }
            }
            (field::NORMALIZER, Content::Bytes(normalizer)) => {
                for entry in Message(normalizer) {
                    if let (field::NORMALIZER_MAP, Content::Bytes(found)) = entry? {
                        map = found;
                    }
                }
            }
            _ => {}
        }
    }
    if kind != UNIGRAM {
        bail!("its pieces have no probabilities; such a model comes with a {}", super::TOKENIZER);
    }
    let end = pieces.iter().position(|(text, _)| text == END).with_context(|| format!("it has no {END}"))?;
    let normalizer = match map {
        [] => Value::Null,
        map => json!({"type": "Precompiled", "precompiled_charsmap": STANDARD.encode(map)}),
    };
    let metaspace =
        json!({"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "always", "split": true});
    let tokenizer: Value = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [{"id": end, "content": END, "single_word": false, "lstrip": true, "rstrip": true,
            "normalized": false, "special": true}],
        "normalizer": normalizer,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace]},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": END, "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {END: {"id": END, "ids": [end], "tokens": [END]}},
        },
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": unknown, "vocab": pieces, "byte_fallback": false},
    });
    Ok(tokenizer.to_string())
}

/// Text, score and kind of a piece.
fn read_piece(bytes: &[u8]) -> Result<(String, f64, u32)> {
    let (mut text, mut score, mut kind) = (String::new(), 0.0, 1);
    for entry in Message(bytes) {
        match entry? {
            (field::PIECE_TEXT, Content::Bytes(bytes)) => text = std::str::from_utf8(bytes)?.to_owned(),
            (field::PIECE_SCORE, Content::Float(number)) => score = f64::from(number),
            (field::PIECE_KIND, Content::Number(number)) => kind = number,
            _ => {}
        }
    }
    Ok((text, score, kind))
}

/// The fields of a message in protocol buffers' encoding.
struct Message<'b>(&'b [u8]);

/// What a field holds.
enum Content<'b> {
    Number(u32),
    Float(f32),
    Bytes(&'b [u8]),
}

impl<'b> Iterator for Message<'b> {
    type Item = Result<(u32, Content<'b>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'b> Message<'b> {
    fn field(&mut self) -> Result<(u32, Content<'b>)> {
        let key = self.number()?;
        let content = match key & 7 {
            0 => Content::Number(self.number()?),
            2 => {
                let length = self.number()? as usize;
                Content::Bytes(self.0.split_off(..length).context("it is cut off")?)
            }
            5 => Content::Float(f32::from_le_bytes(
                *self.0.split_off(..4).context("it is cut off")?.as_array().context("four bytes")?,
            )),
            other => bail!("a field is of the kind {other}"),
        };
        Ok((key >> 3, content))
    }

    /// A whole number in base 128, low digits first, cut to 32 bits; negative ones have ten digits.
    fn number(&mut self) -> Result<u32> {
        let mut number = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = *self.0.split_off_first().context("it is cut off")?;
            number |= u64::from(byte & 0x7f).unbounded_shl(shift);
            if byte & 0x80 == 0 {
                return Ok(number as u32);
            }
        }
        bail!("a number has too many digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field with bytes of fewer than 128.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    }

    fn piece(text: &str, kind: u8) -> Vec<u8> {
        let score = [&[PIECE_SCORE_KEY][..], &(-1.5f32).to_le_bytes()].concat();
        field(1, &[field(1, text.as_bytes()), score, vec![3 << 3, kind]].concat())
    }

    const PIECE_SCORE_KEY: u8 = 2 << 3 | 5;

    #[test]
    fn pieces_become_a_tokenizer_and_damage_a_sentence() {
        // Ten digits are a negative number, which means nothing here.
        let trainer = field(2, &[&[3 << 3, 1, 40 << 3 & 0x7f, 0xff][..], &[0xff; 8], &[1]].concat());
        let pieces = [piece("<unk>", 2), piece("</s>", 3), piece("▁a", 1), piece("▁cat", 1)].concat();
        let json = tokenizer_json(&[pieces.clone(), trainer].concat()).expect("a tokenizer");
        let tokenizer = crate::tokenizer::Tokenizer::from_json(&json).expect("a tokenizer");
        assert_eq!(tokenizer.encode("a cat", 8).expect("ids").ids(), [2, 3, 1]);
        assert_eq!(tokenizer.encode("a dog", 8).expect("ids").ids(), [2, 0, 1]);
        let bpe = [pieces.clone(), field(2, &[3 << 3, 2])].concat();
        for (bytes, words) in [
            (&pieces[..pieces.len() - 1], "cut off"),
            (&piece("a", 1)[..], "has no </s>"),
            (&bpe[..], "no probabilities"),
            (&[0x0b][..], "kind 3"),
        ] {
            let error = tokenizer_json(bytes).expect_err("damage").to_string();
            assert!(error.contains("spiece.model") && error.contains(words), "{error}");
        }
    }
}
