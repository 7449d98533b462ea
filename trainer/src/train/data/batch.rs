//! Batches ahead of the device.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use anyhow::Result;
use rand::RngExt;
use shared::tokenizer::{Tokenizer, TokenizerError, Tokens};

use super::example::Stream;
use super::features::{ImageValues, n_features};
use super::texts::Texts;
use super::{Data, Mined};
use crate::train::negative_source::NegativeSource;
use crate::train::run_config::RunConfig;

/// What the model learns from at once, ready for the device.
pub struct Batch {
    /// The images, `B` of them.
    pub images: ImageValues,
    /// The weight of each channel of the backbone's features in each image, `[B, C]`, where some are dropped.
    pub channels: Option<Vec<f32>>,
    /// The captions, `B` of them, and behind them `K` slots for the hard negatives of each; in an empty slot is the caption.
    pub texts: Texts,
    /// What is in each slot, `B · K`.
    pub negatives: Vec<Option<NegativeSource>>,
    /// Captions that have at least one negative which the model can tell from them.
    pub with_negatives: usize,
}

/// Makes the batch of a number.
///
/// # Errors
/// If an image cannot be read any more, or a caption not be split into tokens.
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
    let encode = |text: &str| tokenizer.encode(text, config.model.text.context);
    let mut texts = examples
        .iter()
        .map(|example| encode(&example.caption))
        .collect::<Result<Vec<Tokens>, TokenizerError>>()?;
    // What is in each slot, and the text of its row: that of the caption where the slot is empty.
    let (mut slots, mut rows) = (Vec::new(), (0..n_captions).collect::<Vec<usize>>());
    let mut with_negatives = 0;
    for (caption, example) in examples.iter().enumerate() {
        let first = slots.len();
        for (source, text) in example.negatives.iter().take(n_slots) {
            let tokens = encode(text)?;
            // A negative that differs behind the last token that the model reads is none to it.
            if tokens.ids() != texts[caption].ids() {
                slots.push(Some(*source));
                rows.push(texts.len());
                texts.push(tokens);
            }
        }
        with_negatives += usize::from(slots.len() > first);
        slots.resize(first + n_slots, None);
        rows.resize(n_captions + first + n_slots, caption);
    }
    Ok(Batch {
        channels: (config.settings.channel_dropout > 0.0).then(|| channels(config, number)),
        texts: Texts::new(&texts, &rows, data.lengths(tokenizer, config.model.text.context)?),
        negatives: slots,
        with_negatives,
        images: ImageValues::batch(examples.into_iter().map(|example| example.image)),
    })
}

/// Zero for the channels that a batch drops; the others weigh more, so that the sum stays the same on average
/// (arXiv 1207.0580, in the form of arXiv 1411.4280). `[B, C]`
fn channels(config: &RunConfig, number: u64) -> Vec<f32> {
    let kept = 1.0 - config.settings.channel_dropout;
    let rng = &mut Stream::Channels.of(config.settings.seed, number);
    let mut weight = || if rng.random_bool(kept) { (1.0 / kept) as f32 } else { 0.0 };
    (0..config.settings.batch_size * n_features(config)).map(|_| weight()).collect()
}

/// Batches of these numbers, made ahead of the device. If one cannot be made because of a panic, none follows.
pub fn batches(
    config: &RunConfig,
    data: &Arc<Data>,
    tokenizer: &Tokenizer,
    mined: Option<Mined>,
    numbers: impl Iterator<Item = u64> + Send + 'static,
) -> Receiver<Result<Batch>> {
    let (config, data, tokenizer) = (config.clone(), Arc::clone(data), tokenizer.clone());
    ahead(numbers, move |number| batch(&config, &data, &tokenizer, mined.as_ref(), number))
}

/// Makes things on another thread, at most two more than were asked for.
fn ahead<T: Send + 'static>(
    mut numbers: impl Iterator<Item = u64> + Send + 'static,
    make: impl Fn(u64) -> T + Send + 'static,
) -> Receiver<T> {
    let (sender, receiver) = sync_channel(2);
    thread::spawn(move || {
        // The receiver goes away when training stops early, or fails: there is nobody left to make anything for.
        _ = numbers.try_for_each(|number| sender.send(make(number)));
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_ends_what_it_makes_and_nobody_waits_for_ever() {
        let receiver = ahead(0..5, |number| if number < 2 { number } else { panic!("this is told") });
        assert_eq!(receiver.iter().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(ahead(0..5, |number| number).iter().count(), 5);
    }
}
