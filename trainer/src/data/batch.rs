//! Batches ahead of the device.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use anyhow::Result;
use burn::tensor::Tensor;
use rand::RngExt;
use shared::model::{Clip, DistinctTokens};
use shared::tokenizer::{TokenBatch, Tokenizer, TokenizerError, Tokens};

use super::{Data, Foil, Mined, Stream};
use crate::device;
use crate::objective::{Kind, indices};
use crate::run_config::RunConfig;

/// What the model learns from at once, ready for the device.
pub struct Batch {
    /// What the model is given of each picture: `[B, 3, S, S]`, or `[B, P, C]` of a locked stem.
    pub images: Vec<f32>,
    /// What each channel of the stem counts with each picture, `[B, C]`, where some are forgotten.
    pub channels: Option<Vec<f32>>,
    /// The captions, `B` of them, and behind them `K` slots for the hard negatives of each; in an empty slot is the caption.
    pub texts: Texts,
    /// What is in each slot, `B · K`.
    pub negatives: Vec<Option<Kind>>,
    /// Captions that have at least one negative.
    pub with_negatives: usize,
}

/// Texts in groups of similar length: a short one is not padded to the longest of the batch. A GPU gets all of them at once
/// nevertheless, so that its text tower sees the same shape in almost every step.
pub struct Texts {
    /// The groups, the shortest texts first, each text once.
    groups: Vec<TokenBatch>,
    /// Where the text of each row is when one group follows the other.
    places: Vec<usize>,
}

impl Texts {
    /// Texts that share the padding of their longest.
    const GROUP: usize = 48;
    /// A GPU gets texts of so many positions, or of all that the tower has.
    const LENGTHS: [usize; 4] = [16, 32, 48, 64];

    /// Groups texts. `rows` are the numbers of those that are asked for, one of which may be asked for more than once.
    pub fn new(texts: &[Tokens], rows: &[usize], tokenizer: &Tokenizer) -> Self {
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|text| texts[*text].ids().len());
        let group =
            |of: &[usize]| tokenizer.batch(&of.iter().map(|text| texts[*text].clone()).collect::<Vec<_>>());
        let mut places = vec![0; texts.len()];
        for (place, text) in order.iter().enumerate() {
            places[*text] = place;
        }
        Texts {
            groups: order.chunks(Self::GROUP).map(group).collect(),
            places: rows.iter().map(|text| places[*text]).collect(),
        }
    }

    /// What a text tower of so many positions makes of every row, `[rows, E]`.
    pub fn embed(&self, model: &Clip, context: usize) -> Tensor<2> {
        let device = &model.device();
        let rows = if device::is_processor(device) {
            Tensor::cat(self.groups.iter().map(|group| model.encode_tokens(group)).collect(), 0)
        } else {
            let batch = self.at_once(context);
            model.encode_distinct_tokens(&batch, &DistinctTokens::of(&batch.ids))
        };
        rows.select(0, indices(&self.places, device))
    }

    /// The groups as one, with more padding, and with some texts twice, the second time behind all others: as many texts as
    /// there are rows.
    fn at_once(&self, context: usize) -> TokenBatch {
        let longest = self.groups.iter().map(|group| group.length).max().unwrap_or(1);
        let fits = |length: &usize| (longest..=context).contains(length);
        let length = Self::LENGTHS.into_iter().find(fits).unwrap_or(context);
        let n_texts = self.places.len();
        let texts = self.groups.iter().flat_map(|group| group.ids.chunks(group.length).zip(&group.ends));
        let mut ids = Vec::with_capacity(n_texts * length);
        let mut ends = Vec::with_capacity(n_texts);
        for (text, &end) in texts.cycle().take(n_texts) {
            ids.extend(&text[..=end]);
            ids.resize(ends.len() * length + length, text[end]);
            ends.push(end);
        }
        TokenBatch { ids, length, ends }
    }
}

/// Makes the batch of a number.
///
/// # Errors
/// If a picture cannot be read any more, or a caption not be split into tokens.
pub fn batch(
    config: &RunConfig,
    data: &Data,
    tokenizer: &Tokenizer,
    mined: Option<&Mined>,
    number: u64,
) -> Result<Batch> {
    let examples = data.examples(config, mined, number)?;
    let n_captions = examples.len();
    let n_slots = config.negatives_per_caption();
    // The negatives of each caption, filled up with empty slots.
    let slots: Vec<Option<&Foil>> = examples
        .iter()
        .flat_map(|example| example.negatives.iter().map(Some).chain(std::iter::repeat(None)).take(n_slots))
        .collect();
    let captions = examples.iter().map(|example| &example.caption);
    let texts = captions
        .chain(slots.iter().flatten().map(|negative| &negative.caption))
        .map(|text| tokenizer.encode(text, config.model.text.context))
        .collect::<Result<Vec<_>, TokenizerError>>()?;
    let mut next = n_captions..;
    let filled = |(slot, negative): (usize, &Option<&Foil>)| match negative {
        Some(_) => next.next().unwrap_or_default(),
        None => slot / n_slots,
    };
    let rows: Vec<usize> = (0..n_captions).chain(slots.iter().enumerate().map(filled)).collect();
    Ok(Batch {
        channels: (config.settings.channel_dropout > 0.0).then(|| channels(config, number)),
        texts: Texts::new(&texts, &rows, tokenizer),
        negatives: slots.iter().map(|slot| slot.map(|negative| negative.kind)).collect(),
        with_negatives: examples.iter().filter(|example| !example.negatives.is_empty()).count(),
        images: examples.into_iter().flat_map(|example| example.image).collect(),
    })
}

/// Zero for the channels that a batch forgets; the others weigh more, so that the sum stays the same on average
/// (arXiv 1207.0580, in the form of arXiv 1411.4280). `[B, C]`
fn channels(config: &RunConfig, number: u64) -> Vec<f32> {
    let [_, n_channels] = config.model.vision.stem_shape(config.model.preprocess.side);
    let kept = 1.0 - config.settings.channel_dropout;
    let rng = &mut Stream::Channels.of(config.settings.seed, number);
    let mut weight = || if rng.random_bool(kept) { (1.0 / kept) as f32 } else { 0.0 };
    (0..config.settings.batch * n_channels).map(|_| weight()).collect()
}

/// Batches of these numbers, made ahead of the device. If one cannot be made because of a panic, none follows.
pub fn batches(
    config: &RunConfig,
    data: &Arc<Data>,
    tokenizer: &Tokenizer,
    mined: Option<Mined>,
    numbers: Range<u64>,
) -> Receiver<Result<Batch>> {
    let (config, data, tokenizer) = (config.clone(), Arc::clone(data), tokenizer.clone());
    ahead(numbers, move |number| batch(&config, &data, &tokenizer, mined.as_ref(), number))
}

/// Makes things on another thread, at most two more than were asked for.
fn ahead<T: Send + 'static>(numbers: Range<u64>, make: impl Fn(u64) -> T + Send + 'static) -> Receiver<T> {
    let (sender, receiver) = sync_channel(2);
    thread::spawn(move || {
        // The receiver goes away when training stops early, or fails: there is nobody left to make anything for.
        _ = numbers.map(make).try_for_each(|made| sender.send(made));
    });
    receiver
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::bundles;

    #[test]
    fn a_thread_that_panics_ends_what_it_makes_and_nobody_waits_for_ever() {
        let receiver = ahead(0..5, |number| if number < 2 { number } else { panic!("this is told") });
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(ahead(0..5, |number| number).iter().count(), 5);
    }

    /// A hundred texts of many lengths, and a tokenizer that knows them.
    fn texts() -> (Vec<Tokens>, Tokenizer) {
        let words = "a cat and a dog sit on a mat near a red door of an old house";
        let texts: Vec<String> = (0..100).map(|nth| words[..1 + nth * 31 % words.len()].to_owned()).collect();
        let tokenizer = Tokenizer::train(texts.iter().map(String::as_str), 300).expect("a tokenizer");
        (texts.iter().map(|text| tokenizer.encode(text, CONTEXT).expect("tokens")).collect(), tokenizer)
    }

    fn each(tokens: &[Tokens], tokenizer: &Tokenizer) -> Texts {
        Texts::new(tokens, &(0..tokens.len()).collect::<Vec<_>>(), tokenizer)
    }

    const CONTEXT: usize = 32;

    #[test]
    fn a_gpu_gets_all_texts_at_once_and_means_the_same_by_them() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/scene-plain.safetensors");
        let model =
            bundles::read(path.as_ref()).expect("a bundle").model(&Device::flex()).expect("its model");
        let (tokens, tokenizer) = texts();
        for (n, context) in [(100, CONTEXT), (64, CONTEXT), (3, CONTEXT), (100, 20)] {
            let texts = each(&tokens[..n], &tokenizer);
            let longest = texts.groups.iter().map(|group| group.length).max().expect("a group");
            let apart = texts.embed(&model, context);
            let at_once = texts.at_once(context);
            let length = if longest > 16 { context } else { 16 };
            assert_eq!((at_once.ends.len(), at_once.length), (n, length), "the longest has {longest}");
            for rows in [
                model.encode_tokens(&at_once),
                model.encode_distinct_tokens(&at_once, &DistinctTokens::of(&at_once.ids)),
            ] {
                let rows = rows.select(0, indices(&texts.places, &model.device()));
                let far = (apart.clone() - rows).abs().max().into_scalar::<f32>();
                assert!(far < 1e-5, "{far}");
            }
        }
    }

    #[test]
    fn a_batch_with_empty_slots_has_the_shape_of_a_full_one() {
        let (tokens, tokenizer) = texts();
        let full = each(&tokens, &tokenizer);
        let rows: Vec<usize> = (0..100).map(|row| if row % 3 == 0 { row / 4 } else { row }).collect();
        let some = Texts::new(&tokens, &rows, &tokenizer);
        assert_eq!((some.places[40], some.places[42]), (full.places[40], full.places[10]));
        let few = Texts::new(&tokens[..40], &rows.iter().map(|row| row % 40).collect::<Vec<_>>(), &tokenizer);
        for texts in [some, few] {
            let [full, other] = [&full, &texts].map(|texts| texts.at_once(CONTEXT));
            assert_eq!((full.ids.len(), full.ends.len()), (other.ids.len(), other.ends.len()));
        }
    }

    #[test]
    fn texts_are_grouped_by_length_and_found_again() {
        let (tokens, tokenizer) = texts();
        let grouped = each(&tokens, &tokenizer);
        let rows: Vec<&[i32]> = grouped
            .groups
            .iter()
            .flat_map(|group| group.ids.chunks(group.length).zip(&group.ends).map(|(row, end)| &row[..=*end]))
            .collect();
        assert_eq!(grouped.groups.len(), 3);
        assert!(grouped.groups[0].length < grouped.groups[2].length);
        for (tokens, place) in tokens.iter().zip(&grouped.places) {
            let expected: Vec<i32> = tokens.ids().iter().map(|id| *id as i32).collect();
            assert_eq!(rows[*place], expected);
        }
    }
}
