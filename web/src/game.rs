//! Guess first: a picture, two captions, and a bet on which of them each of two models picks. What they pick was computed when
//! the page was made, so that the game needs no model.

use serde::{Deserialize, Serialize};
use shared::concept::Concept;
use shared::seed;

use crate::protocol::Set;
use crate::sample::{self, PreparedEdit};

/// How many rounds a day has.
pub const ROUNDS: usize = 10;
/// How many of them show photographs; the others show drawn scenes.
const PHOTOGRAPHS: usize = 6;

/// A picture and two captions of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// The name of a sample.
    pub picture: String,
    /// A prepared change to the sample, by the name that links call it, after which the caption is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<String>,
    /// What the captions differ in.
    pub concept: Concept,
    /// The caption that is true of the picture.
    pub caption: String,
    /// The caption that is not.
    pub foil: String,
    /// How far the cosine of the true caption is ahead of the foil's: of the plain model, then of the hard-negative one.
    pub ahead: [f32; 2],
}

impl Round {
    /// The models that know pictures of this kind.
    pub fn set(&self) -> Set {
        if sample::scene(&self.picture).is_some() { Set::Scenes } else { Set::Photographs }
    }

    /// Where the page lays the picture; nowhere if it is a scene, which is drawn.
    pub fn file(&self) -> Option<String> {
        match self.edit.as_deref().and_then(PreparedEdit::named) {
            Some(prepared) => Some(prepared.file()),
            None => sample::scene(&self.picture).is_none().then(|| format!("samples/{}", self.picture)),
        }
    }

    /// Whether each model picks the true caption. A tie is no pick.
    pub fn picks(&self) -> [bool; 2] {
        self.ahead.map(|ahead| ahead > 0.0)
    }

    /// The two captions in the order in which they are shown, which gives nothing away.
    pub fn captions(&self) -> [&str; 2] {
        match self.is_caption_first() {
            true => [&self.caption, &self.foil],
            false => [&self.foil, &self.caption],
        }
    }

    /// Whether the true caption is shown first.
    pub fn is_caption_first(&self) -> bool {
        seed::mix(&[seed::of_text(&self.caption), seed::of_text(&self.foil)]).is_multiple_of(2)
    }
}

/// A day's rounds, as places in `rounds`. Nothing is repeated before everything was asked, and a day shows a photograph twice
/// only if there are too few.
pub fn deal(rounds: &[Round], day: u32) -> Vec<usize> {
    let of = |set: Set| (0..rounds.len()).filter(move |at| rounds[*at].set() == set).collect::<Vec<_>>();
    let mut photographs = share(rounds, of(Set::Photographs), PHOTOGRAPHS, day).into_iter();
    let mut scenes = share(rounds, of(Set::Scenes), ROUNDS - PHOTOGRAPHS, day).into_iter();
    // Spread evenly, a photograph first.
    (0..ROUNDS)
        .filter_map(|nth| {
            let is_photograph =
                (nth * PHOTOGRAPHS).div_ceil(ROUNDS) < ((nth + 1) * PHOTOGRAPHS).div_ceil(ROUNDS);
            if is_photograph {
                photographs.next().or_else(|| scenes.next())
            } else {
                scenes.next().or_else(|| photographs.next())
            }
        })
        .collect()
}

/// A day's share of some rounds: `count` of them, of different pictures where there are enough.
fn share(rounds: &[Round], mut left: Vec<usize>, count: usize, day: u32) -> Vec<usize> {
    let n_days = (left.len() / count).max(1) as u32;
    let cycle = u64::from(day / n_days);
    left.sort_by_key(|at| {
        seed::mix(&[cycle, seed::of_text(&rounds[*at].caption), seed::of_text(&rounds[*at].foil)])
    });
    let mut today = Vec::new();
    for _ in 0..=day % n_days {
        today.clear();
        let n_today = count.min(left.len());
        while today.len() < n_today {
            // The picture that most is left to ask about, so that the last day is not about one picture only.
            let n_left = |at: &usize| {
                left.iter().filter(|other| rounds[**other].picture == rounds[*at].picture).count()
            };
            let is_new = |at: &&usize| {
                today.iter().all(|shown: &usize| rounds[*shown].picture != rounds[**at].picture)
            };
            let next = left.iter().filter(is_new).max_by_key(|at| n_left(at)).or(left.first());
            let Some(next) = next.copied() else { break };
            left.retain(|at| *at != next);
            today.push(next);
        }
    }
    today
}

/// What was bet, round by round.
#[derive(Clone, Debug, Default)]
pub struct Game {
    rounds: Vec<Round>,
    at: usize,
    /// Whether each model is said to pick the true caption.
    bets: [Option<bool>; 2],
    hits: Vec<[bool; 2]>,
}

impl Game {
    /// A game that nobody has played yet.
    pub fn new(rounds: Vec<Round>) -> Self {
        Game { rounds, ..Game::default() }
    }

    /// A game that was played already.
    pub fn over(rounds: Vec<Round>, hits: Vec<[bool; 2]>) -> Self {
        Game { at: rounds.len(), rounds, hits, ..Game::default() }
    }

    /// All rounds.
    pub fn rounds(&self) -> &[Round] {
        &self.rounds
    }

    /// The round on show; nothing once all are played.
    pub fn round(&self) -> Option<&Round> {
        self.rounds.get(self.at)
    }

    /// Its number, from 1.
    pub fn number(&self) -> usize {
        self.at + 1
    }

    /// Whether the next round is the last one.
    pub fn is_last(&self) -> bool {
        self.number() == self.rounds.len()
    }

    /// The bets on the round on show.
    pub fn bets(&self) -> [Option<bool>; 2] {
        self.bets
    }

    /// Whether both bets are made and the picks of the models can be shown.
    pub fn is_shown(&self) -> bool {
        self.hits.len() > self.at
    }

    /// Bets that a model picks the true caption, or the foil. Once both bets are made, neither can be changed.
    pub fn bet(&mut self, model: usize, on_caption: bool) {
        let Some(round) = self.rounds.get(self.at).filter(|_| self.hits.len() == self.at) else { return };
        self.bets[model] = Some(on_caption);
        if let [Some(plain), Some(hard_negative)] = self.bets {
            let [picks_plain, picks_hard_negative] = round.picks();
            self.hits.push([plain == picks_plain, hard_negative == picks_hard_negative]);
        }
    }

    /// Goes on to the next round, if this one was played.
    pub fn go_on(&mut self) {
        if self.is_shown() {
            self.at += 1;
            self.bets = [None, None];
        }
    }

    /// Whether each bet was right, of the rounds that were played.
    pub fn hits(&self) -> &[[bool; 2]] {
        &self.hits
    }

    /// How many bets were right.
    pub fn score(&self) -> usize {
        self.hits.iter().flatten().filter(|hit| **hit).count()
    }

    /// In how many rounds each model picks the true caption.
    pub fn models_right(&self) -> [usize; 2] {
        [0, 1].map(|model| self.rounds.iter().filter(|round| round.picks()[model]).count())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Six photographs of eight questions each, and as many scenes as they take.
    fn rounds() -> Vec<Round> {
        let round = |picture: String, nth: usize| Round {
            picture,
            edit: None,
            concept: Concept::Color,
            caption: format!("a red car {nth}"),
            foil: format!("a blue car {nth}"),
            ahead: [0.1, -0.1],
        };
        let photographs = (0..48).map(|nth| round(format!("{}.jpg", nth % 6), nth));
        photographs.chain((0..32).map(|nth| round(format!("scene color {nth}"), 100 + nth))).collect()
    }

    #[test]
    fn nothing_is_asked_twice_before_everything_was_asked() {
        let rounds = rounds();
        for cycle in [0, 5] {
            let days: Vec<Vec<usize>> = (0..8).map(|day| deal(&rounds, 8 * cycle + day)).collect();
            let asked: BTreeSet<usize> = days.iter().flatten().copied().collect();
            assert_eq!(asked.len(), 80);
            for day in days {
                assert_eq!(day.len(), ROUNDS);
                let sets: Vec<Set> = day.iter().map(|at| rounds[*at].set()).collect();
                assert_eq!(
                    (sets[0], sets.iter().filter(|set| **set == Set::Photographs).count()),
                    (Set::Photographs, 6)
                );
                let pictures: BTreeSet<&str> = day.iter().map(|at| &*rounds[*at].picture).collect();
                assert_eq!(pictures.len(), ROUNDS, "no picture twice a day");
            }
        }
        assert_ne!(deal(&rounds, 3), deal(&rounds, 11), "another order the next time");
    }

    #[test]
    fn few_rounds_are_dealt_as_far_as_they_go() {
        assert_eq!(deal(&rounds()[..3], 7).len(), 3);
        assert_eq!(deal(&[], 7), [0; 0]);
    }

    #[test]
    fn a_round_counts_once_both_bets_are_made() {
        let mut game = Game::new(rounds()[..2].to_vec());
        game.go_on();
        assert_eq!((game.number(), game.is_shown()), (1, false), "nothing was bet");
        game.bet(0, false);
        game.bet(0, true);
        assert_eq!((game.bets(), game.is_shown()), ([Some(true), None], false));
        game.bet(1, true);
        game.bet(1, false);
        assert_eq!((game.hits(), game.score()), (&[[true, false]][..], 1), "the second bet is final");
        game.go_on();
        game.bet(1, false);
        game.bet(0, true);
        game.go_on();
        assert_eq!((game.round(), game.score(), game.models_right()), (None, 3, [2, 0]));
        game.bet(0, true);
        assert_eq!(game.score(), 3);
    }

    #[test]
    fn pictures_have_files_unless_they_are_drawn() {
        let [photograph, scene] = [&rounds()[0], &rounds()[48]].map(Clone::clone);
        assert_eq!(photograph.file().as_deref(), Some("samples/0.jpg"));
        assert_eq!(scene.file(), None);
        let edited = Round { edit: Some("blue-suit".into()), ..photograph };
        assert_eq!(edited.file().as_deref(), Some("samples/edited/blue-suit.jpg"));
    }

    #[test]
    fn the_order_of_captions_says_nothing() {
        let first = rounds().iter().filter(|round| round.is_caption_first()).count();
        assert!((25..55).contains(&first), "{first} of 80");
        assert!(rounds().iter().all(|round| round.captions().contains(&&*round.caption)));
    }
}
