//! Captions to token ids, by the `tokenizer.json` that travels in a bundle.

mod clean;

use serde::Deserialize;
use serde_json::Value;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::normalizers::{Lowercase, NFC, Replace, Sequence, Strip};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, NormalizerWrapper, TokenizerBuilder};

pub use clean::Cleaning;

const START: &str = "<|startoftext|>";
const END: &str = "<|endoftext|>";

/// Splits captions into tokens, each caption with an end token and, for most models, a start token.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    cleaning: Cleaning,
    padding: Option<u32>,
    end: u32,
}

/// The token ids of one caption, at most the context long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    ids: Vec<u32>,
    /// The position of the end token, which is the last unless the model reads padding.
    end: usize,
    /// The byte of the caption from which on nothing was read, if it was too long.
    pub cut_at: Option<usize>,
}

/// Why a tokenizer could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The JSON is not a tokenizer.
    #[error("the tokenizer could not be read: {0}")]
    Unreadable(String),
    /// The tokenizer does not add an end token, so there is nothing to pool the text at.
    #[error("the tokenizer does not put an end token behind a caption")]
    Unframed,
    /// A caption could not be encoded.
    #[error("the caption could not be split into tokens: {0}")]
    Encode(String),
    /// The vocabulary could not be learned.
    #[error("no vocabulary could be learned from the captions: {0}")]
    Train(String),
}

/// The part of a `tokenizer.json` that frames captions.
#[derive(Deserialize)]
struct Frame {
    #[serde(default)]
    post_processor: Value,
}

/// Refuses a template that names what is not there: the library believes it, and panics at the first caption.
fn check_processor(processor: &Value) -> Result<(), String> {
    for part in processor["processors"].as_array().into_iter().flatten() {
        check_processor(part)?;
    }
    for piece in processor["single"].as_array().into_iter().flatten() {
        let token = &piece["SpecialToken"]["id"];
        if token.as_str().is_some_and(|token| processor["special_tokens"].get(token).is_none()) {
            return Err(format!("its template names the token {token}, which it does not define"));
        }
        if piece["Sequence"]["id"] == "B" {
            return Err("its template for one text asks for a second one".to_owned());
        }
    }
    Ok(())
}

impl Tokenizer {
    /// Reads a Hugging Face `tokenizer.json`.
    ///
    /// # Errors
    /// If it is no tokenizer, or one that adds no end token.
    pub fn from_json(json: &str) -> Result<Self, TokenizerError> {
        let frame: Frame =
            serde_json::from_str(json).map_err(|error| TokenizerError::Unreadable(error.to_string()))?;
        check_processor(&frame.post_processor).map_err(TokenizerError::Unreadable)?;
        let inner = json
            .parse::<tokenizers::Tokenizer>()
            .map_err(|error| TokenizerError::Unreadable(error.to_string()))?;
        Self::framed(inner)
    }

    /// Learns a byte-level BPE vocabulary (Sennrich et al., arXiv 1508.07909) of at most `vocabulary` tokens.
    /// Every byte has a token, so that no caption is unreadable; there are never fewer than these.
    ///
    /// # Errors
    /// If the tokenizers library fails.
    pub fn train<'a>(
        captions: impl Iterator<Item = &'a str> + Send,
        vocabulary: usize,
    ) -> Result<Self, TokenizerError> {
        let failed = |error: tokenizers::Error| TokenizerError::Train(error.to_string());
        let byte_level = ByteLevel::new(true, true, true);
        let normalizer = Sequence::new(vec![
            NormalizerWrapper::NFC(NFC),
            NormalizerWrapper::Replace(
                Replace::new(tokenizers::normalizers::replace::ReplacePattern::Regex(r"\s+".to_owned()), " ")
                    .map_err(failed)?,
            ),
            NormalizerWrapper::StripNormalizer(Strip::new(true, true)),
            NormalizerWrapper::Lowercase(Lowercase),
        ]);
        let mut tokenizer = TokenizerBuilder::default()
            .with_model(BPE::default())
            .with_normalizer(Some(normalizer))
            .with_pre_tokenizer(Some(byte_level))
            .with_post_processor(None::<TemplateProcessing>)
            .with_decoder(Some(byte_level))
            .build()
            .map_err(failed)?;
        let specials = [START, END].map(|token| AddedToken::from(token, true));
        let mut trainer = BpeTrainer::builder()
            .vocab_size(vocabulary)
            .show_progress(false)
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .special_tokens(specials.to_vec())
            .build();
        tokenizer.train(&mut trainer, captions).map_err(failed)?;
        let id = |token: &str| tokenizer.token_to_id(token).map(|id| (token.to_owned(), id));
        let specials: Vec<_> = [START, END].iter().filter_map(|token| id(token)).collect();
        let frame = TemplateProcessing::builder()
            .try_single(format!("{START} $A {END}"))
            .map_err(TokenizerError::Train)?
            .special_tokens(specials)
            .build()
            .map_err(|error| TokenizerError::Train(error.to_string()))?;
        tokenizer.with_post_processor(Some(frame));
        Self::from_json(&tokenizer.to_string(false).map_err(failed)?)
    }

    fn framed(mut inner: tokenizers::Tokenizer) -> Result<Self, TokenizerError> {
        // Length is this module's business: a file may carry limits that would pad or cut differently.
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|error| TokenizerError::Unreadable(error.to_string()))?;
        let empty = inner.encode("", true).map_err(|error| TokenizerError::Encode(error.to_string()))?;
        match empty.get_ids() {
            [end] | [_, end] => Ok(Tokenizer { end: *end, inner, cleaning: Cleaning::None, padding: None }),
            _ => Err(TokenizerError::Unframed),
        }
    }

    /// The same tokenizer for captions that are cleaned before.
    pub fn with_cleaning(self, cleaning: Cleaning) -> Self {
        Tokenizer { cleaning, ..self }
    }

    /// The tokenizer for a model that reads padding: each caption is filled up to the whole context with this token.
    pub fn with_padding(self, padding: Option<u32>) -> Self {
        Tokenizer { padding, ..self }
    }

    /// The id of the end token.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// The tokenizer as `tokenizer.json`, which says neither how captions are cleaned before nor how they are padded.
    ///
    /// # Errors
    /// If the tokenizers library cannot write it.
    pub fn to_json(&self) -> Result<String, TokenizerError> {
        self.inner.to_string(false).map_err(|error| TokenizerError::Unreadable(error.to_string()))
    }

    /// The number of token ids, special ones included.
    pub fn vocabulary(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The id of a token.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Encodes one caption into at most `context` tokens, or exactly as many if the model reads padding. What is too long is cut,
    /// and the end token kept.
    ///
    /// # Errors
    /// If the tokenizers library fails on the text.
    pub fn encode(&self, caption: &str, context: usize) -> Result<Tokens, TokenizerError> {
        let cleaned = self.cleaning.clean(caption);
        let encoding =
            self.inner.encode(&*cleaned, true).map_err(|error| TokenizerError::Encode(error.to_string()))?;
        let mut ids = encoding.get_ids().to_vec();
        let mut cut_at = None;
        if ids.len() > context {
            cut_at = Some(self.cleaning.origin(caption, &cleaned, encoding.get_offsets()[context - 1].0));
            ids.truncate(context - 1);
            ids.push(self.end);
        }
        let end = ids.len() - 1;
        if let Some(padding) = self.padding {
            ids.resize(context, padding);
        }
        Ok(Tokens { ids, end, cut_at })
    }
}

impl Tokens {
    /// The ids, special tokens included.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }
}

/// Captions of one length, for one pass through the text tower.
#[derive(Clone, Debug)]
pub struct TokenBatch {
    /// Row by row, `[N, T]`.
    pub ids: Vec<i32>,
    /// `T`.
    pub length: usize,
    /// The position of each caption's end token, `[N]`.
    pub ends: Vec<usize>,
}

impl TokenBatch {
    /// Captions as long as the longest of them.
    pub fn of(captions: &[Tokens]) -> Self {
        let longest = captions.iter().map(|tokens| tokens.ids.len()).max().unwrap_or(1);
        Self::padded(captions, longest)
    }

    /// Captions, each padded on the right to `length` with the token that it ends with.
    ///
    /// # Panics
    /// If one is longer.
    pub fn padded<'t>(captions: impl IntoIterator<Item = &'t Tokens>, length: usize) -> Self {
        let mut batch = TokenBatch { ids: Vec::new(), length, ends: Vec::new() };
        for Tokens { ids, end, .. } in captions {
            let last = ids.last().map_or(0, |last| *last as i32);
            let padding = length.checked_sub(ids.len()).expect("captions of at most this length");
            batch.ids.extend(ids.iter().map(|id| *id as i32));
            batch.ids.extend(std::iter::repeat_n(last, padding));
            batch.ends.push(*end);
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trained() -> Tokenizer {
        let captions = ["a red ball", "a blue ball", "two red cups", "a red ball left of a cup"];
        Tokenizer::train(captions.into_iter(), 300).expect("a vocabulary of 300 tokens")
    }

    #[test]
    fn a_vocabulary_reads_back_and_is_the_same_each_time() {
        let json = trained().to_json().expect("json");
        assert_eq!(json, trained().to_json().expect("json"));
        let again = Tokenizer::from_json(&json).expect("its own json");
        let caption = "A  red\tball, größer 🚗";
        assert_eq!(again.encode(caption, 77).expect("ids"), trained().encode(caption, 77).expect("ids"));
    }

    #[test]
    fn a_template_that_names_what_is_not_there_is_refused() {
        let json = trained().to_json().expect("json");
        let mut foreign: Value = serde_json::from_str(&json).expect("json");
        foreign["post_processor"]["single"][0]["SpecialToken"]["id"] = "[CLS]".into();
        let nested = serde_json::json!({ "type": "Sequence", "processors": [foreign["post_processor"]] });
        let mut inside = foreign.clone();
        inside["post_processor"] = nested;
        let mut second: Value = serde_json::from_str(&json).expect("json");
        second["post_processor"]["single"][1]["Sequence"]["id"] = "B".into();
        for (broken, words) in [(foreign, "[CLS]"), (inside, "[CLS]"), (second, "a second one")] {
            let error = Tokenizer::from_json(&broken.to_string()).expect_err("a broken template");
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn case_and_space_do_not_matter_but_every_byte_does() {
        let ids = |text| trained().encode(text, 77).expect("ids").ids().to_vec();
        assert_eq!(ids(" A  RED ball "), ids("a red ball"));
        assert_ne!(ids("a red ball 🚗"), ids("a red ball 🚲"));
        assert_eq!(ids("").len(), 2);
    }

    #[test]
    fn what_is_too_long_is_cut_before_the_end_token() {
        let text = "a red ball left of a cup";
        let whole = trained().encode(text, 77).expect("ids");
        let cut = trained().encode(text, 4).expect("ids");
        assert_eq!(cut.ids().len(), 4);
        assert_eq!(cut.ids().last(), whole.ids().last());
        let at = cut.cut_at.expect("a place where it was cut");
        assert_eq!(text[at..].trim_start(), "ball left of a cup");
        assert_eq!(whole.cut_at, None);
    }

    #[test]
    fn a_batch_is_padded_with_the_end_token() {
        let tokenizer = trained();
        let captions = ["a red ball", ""].map(|text| tokenizer.encode(text, 77).expect("ids"));
        let batch = TokenBatch::of(&captions);
        assert_eq!(batch.ids.len(), 2 * batch.length);
        assert_eq!(batch.ends, [batch.length - 1, 1]);
        assert!(batch.ids[batch.length + 1..].iter().all(|&id| id == tokenizer.end as i32));
    }

    #[test]
    fn a_model_that_reads_padding_gets_whole_contexts() {
        let padding = trained().id("z");
        let tokenizer = trained().with_padding(padding);
        let tokens = tokenizer.encode("a red ball", 8).expect("ids");
        let plain = trained().encode("a red ball", 8).expect("ids");
        assert_eq!((tokens.ids().len(), &tokens.ids()[..5]), (8, plain.ids()));
        assert!(tokens.ids()[5..].iter().all(|id| Some(*id) == padding));
        assert_eq!(TokenBatch::of(&[tokens]).ends, [4]);
    }

    #[test]
    fn a_frame_needs_no_start_token() {
        let mut json: Value = serde_json::from_str(&trained().to_json().expect("json")).expect("json");
        json["post_processor"]["single"].as_array_mut().expect("a template").remove(0);
        let tokenizer = Tokenizer::from_json(&json.to_string()).expect("a tokenizer");
        assert_eq!(tokenizer.encode("a red ball", 8).expect("ids").ids().len(), 4);
        json["post_processor"] = Value::Null;
        assert!(matches!(Tokenizer::from_json(&json.to_string()), Err(TokenizerError::Unframed)));
    }

    #[test]
    fn rubbish_is_refused() {
        assert!(matches!(Tokenizer::from_json("{}"), Err(TokenizerError::Unreadable(_))));
    }
}
