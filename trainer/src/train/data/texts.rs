//! The texts of a batch, as a text tower gets them.

use burn::tensor::Tensor;
use shared::model::{Clip, DistinctTokens};
use shared::tokenizer::{TokenBatch, Tokenizer, TokenizerError, Tokens};

use crate::system::device;
use crate::train::objective::indices;

/// Texts in groups of similar length: a short one is not padded to the longest of the batch. A GPU gets them in two groups
/// instead, whose shapes are the same in every batch of a run.
pub struct Texts {
    /// Each text once, the shortest first.
    texts: Vec<Tokens>,
    /// Where the text of each row is among them.
    places: Vec<usize>,
    lengths: Lengths,
}

/// The positions of texts on a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// Of almost all texts of a run.
    usual: usize,
    /// Of the others: all positions that the tower has.
    pub context: usize,
}

impl Lengths {
    /// What may be the usual length, unless it is all of the context.
    const LADDER: [usize; 4] = [16, 32, 48, 64];
    /// One text in so many may be longer than usual.
    const RARE: usize = 100;

    /// The lengths for captions like these.
    ///
    /// # Errors
    /// If one cannot be split into tokens.
    pub fn of<'a>(
        captions: impl Iterator<Item = &'a str>,
        tokenizer: &Tokenizer,
        context: usize,
    ) -> Result<Self, TokenizerError> {
        let lengths = captions.map(|caption| Ok(tokenizer.encode(caption, context)?.ids().len()));
        let mut lengths = lengths.collect::<Result<Vec<usize>, TokenizerError>>()?;
        lengths.sort_unstable();
        // One more, since a negative can have a word more than its caption.
        let most =
            lengths.len().checked_sub(1 + lengths.len() / Self::RARE).map_or(context, |at| lengths[at] + 1);
        let usual = Self::LADDER.into_iter().find(|length| (most..context).contains(length));
        Ok(Lengths { usual: usual.unwrap_or(context), context })
    }

    /// Room for longer texts among `n`.
    fn room(self, n: usize) -> usize {
        if self.usual == self.context { 0 } else { n.div_ceil(Self::RARE / 3) }
    }
}

impl Texts {
    /// Texts that share the padding of their longest.
    const GROUP: usize = 48;

    /// Sorts texts. `rows` are the numbers of those that are asked for, one of which may be asked for more than once.
    pub fn new(texts: &[Tokens], rows: &[usize], lengths: Lengths) -> Self {
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|text| texts[*text].ids().len());
        let mut places = vec![0; texts.len()];
        for (place, text) in order.iter().enumerate() {
            places[*text] = place;
        }
        Texts {
            texts: order.into_iter().map(|text| texts[text].clone()).collect(),
            places: rows.iter().map(|text| places[*text]).collect(),
            lengths,
        }
    }

    /// What a text tower makes of every row, `[rows, E]`.
    pub fn embed(&self, model: &Clip) -> Tensor<2> {
        let device = &model.device();
        if device::is_processor(device) {
            let groups = self.groups().map(|group| model.encode_tokens(&group)).collect();
            return Tensor::cat(groups, 0).select(0, indices(&self.places, device));
        }
        let (batches, places) = self.of_one_shape();
        let embed = |batch: &TokenBatch| model.encode_distinct_tokens(batch, &DistinctTokens::of(&batch.ids));
        Tensor::cat(batches.iter().map(embed).collect(), 0).select(0, indices(&places, device))
    }

    /// The texts in groups of similar length.
    fn groups(&self) -> impl Iterator<Item = TokenBatch> {
        self.texts.chunks(Self::GROUP).map(TokenBatch::of)
    }

    /// As many texts of the usual length as there are rows, room for some longer ones, and the place of each row among all of
    /// these. What is too much are repetitions. If there are more long texts than there is room for, all are long.
    fn of_one_shape(&self) -> (Vec<TokenBatch>, Vec<usize>) {
        let texts = &self.texts;
        let n_rows = self.places.len();
        let (room, Lengths { usual, context }) = (self.lengths.room(n_rows), self.lengths);
        let n_usual = texts.partition_point(|text| text.ids().len() <= usual);
        if texts.len() - n_usual > room || n_usual == 0 {
            return (vec![repeated(texts, n_rows, context)], self.places.clone());
        }
        let mut batches = vec![repeated(&texts[..n_usual], n_rows, usual)];
        if room > 0 {
            let long = if n_usual < texts.len() { &texts[n_usual..] } else { &texts[..1] };
            batches.push(repeated(long, room, context));
        }
        let place = |place: &usize| if *place < n_usual { *place } else { n_rows + *place - n_usual };
        (batches, self.places.iter().map(place).collect())
    }
}

/// Texts over and over until there are `n`, each padded to `length`.
fn repeated(texts: &[Tokens], n: usize, length: usize) -> TokenBatch {
    TokenBatch::padded(texts.iter().cycle().take(n), length)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::models::bundles;

    /// A hundred texts of many lengths, and a tokenizer that knows them.
    fn texts() -> (Vec<Tokens>, Tokenizer) {
        let words = "a cat and a dog sit on a mat near a red door of an old house";
        let texts: Vec<String> = (0..100).map(|nth| words[..1 + nth * 31 % words.len()].to_owned()).collect();
        let tokenizer = Tokenizer::train(texts.iter().map(String::as_str), 300).expect("a tokenizer");
        (texts.iter().map(|text| tokenizer.encode(text, CONTEXT).expect("tokens")).collect(), tokenizer)
    }

    fn each(tokens: &[Tokens]) -> Texts {
        Texts::new(tokens, &(0..tokens.len()).collect::<Vec<_>>(), LENGTHS)
    }

    const CONTEXT: usize = 32;
    const LENGTHS: Lengths = Lengths { usual: CONTEXT, context: CONTEXT };

    #[test]
    fn a_gpu_gets_texts_in_one_shape_and_means_the_same_by_them() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/scene-plain.safetensors");
        let model =
            bundles::read(path.as_ref()).expect("a bundle").model(&Device::flex()).expect("its model");
        let (mut tokens, _) = texts();
        tokens.sort_by_key(|text| text.ids().len());
        let longest = tokens[99].ids().len();
        let shapes = |batches: &[TokenBatch]| {
            batches.iter().map(|batch| (batch.ends.len(), batch.length)).collect::<Vec<_>>()
        };
        // All texts, of which four are longer than usual; without those; more long ones than there is room for.
        let almost = tokens[95].ids().len();
        for (usual, of, expected) in [
            (almost, 0..100, vec![(120, almost), (4, CONTEXT)]),
            (almost, 0..96, vec![(120, almost), (4, CONTEXT)]),
            (almost, 60..96, vec![(120, almost), (4, CONTEXT)]),
            (almost - 1, 50..100, vec![(120, CONTEXT)]),
            (CONTEXT, 0..100, vec![(120, CONTEXT)]),
        ] {
            let lengths = Lengths { usual, context: CONTEXT };
            let rows: Vec<usize> = (0..120).map(|row| row * 7 % of.len()).collect();
            let texts = Texts::new(&tokens[of], &rows, lengths);
            let (batches, places) = texts.of_one_shape();
            assert_eq!(shapes(&batches), expected, "{usual} of {longest}");
            for distinct in [false, true] {
                let embed = |batch: &TokenBatch| match distinct {
                    true => model.encode_distinct_tokens(batch, &DistinctTokens::of(&batch.ids)),
                    false => model.encode_tokens(batch),
                };
                let all = Tensor::cat(batches.iter().map(embed).collect(), 0);
                let far = (all.select(0, indices(&places, &model.device())) - texts.embed(&model)).abs();
                let far = far.max().into_scalar::<f32>();
                assert!(far < 1e-5, "{far}");
            }
        }
    }

    #[test]
    fn the_usual_length_holds_ninety_nine_of_a_hundred_captions() {
        let (_, tokenizer) = texts();
        let usual = |n_long: usize, context| {
            let captions = (0..200).map(|nth| {
                if nth < n_long {
                    "a cat and a dog sit on a mat near a red door of an old house"
                } else {
                    "a cat"
                }
            });
            Lengths::of(captions, &tokenizer, context).expect("lengths").usual
        };
        assert_eq!([usual(0, 77), usual(2, 77), usual(0, 16), usual(0, 12)], [16, 16, 16, 12]);
        assert!(usual(3, 77) > 16);
        assert_eq!(Lengths::of([].into_iter(), &tokenizer, 77).expect("lengths").usual, 77);
    }

    #[test]
    fn texts_are_grouped_by_length_and_found_again() {
        let (tokens, _) = texts();
        let grouped = each(&tokens);
        let groups: Vec<TokenBatch> = grouped.groups().collect();
        let rows: Vec<&[i32]> = groups
            .iter()
            .flat_map(|group| group.ids.chunks(group.length).zip(&group.ends).map(|(row, end)| &row[..=*end]))
            .collect();
        assert_eq!(groups.len(), 3);
        assert!(groups[0].length < groups[2].length);
        for (tokens, place) in tokens.iter().zip(&grouped.places) {
            let expected: Vec<i32> = tokens.ids().iter().map(|id| *id as i32).collect();
            assert_eq!(rows[*place], expected);
        }
    }
}
