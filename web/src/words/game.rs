//! What the guessing game says.

use shared::difference::exchanged;

use super::results::lead;
use crate::game::{Game, Round};

/// What each of the two models of a round is called, in one word.
pub const MODELS: [&str; 2] = ["Ordinary", "Almost-right"];

/// The two captions of a round, cut: what they share before the exchanged words, these words of both in the order in which they
/// are shown, and what they share after them.
pub fn fork(round: &Round) -> (&str, [&str; 2], &str) {
    let [first, second] = round.captions();
    let (ours, theirs) = exchanged(first, second);
    let start = ours.as_ptr() as usize - first.as_ptr() as usize;
    (&first[..start], [ours, theirs], &first[start + ours.len()..])
}

/// What a model picked, and whether that was the bet.
pub fn outcome(round: &Round, model: usize, hit: bool) -> String {
    let (_, options, _) = fork(round);
    let picks_first = round.picks()[model] == round.is_caption_first();
    let picked = options[usize::from(!picks_first)];
    let guessed = if hit { "You guessed right" } else { "You missed" };
    format!("{guessed}: it picks “{picked}” ({})", lead(round.ahead[model]))
}

/// What the picture shows, and which models see it.
pub fn truth(round: &Round) -> String {
    let right = match round.picks() {
        [true, true] => "Both models are right.",
        [false, false] => "Both models are wrong.",
        [false, true] => "Only the model trained on almost-right captions is right.",
        [true, false] => "Only the ordinary model is right.",
    };
    format!("True: “{}”. {right}", round.caption.trim_end_matches('.'))
}

/// The score of a finished game.
pub fn score(game: &Game) -> String {
    format!("You guessed {} of {}", game.score(), 2 * game.rounds().len())
}

/// How well the models did themselves.
pub fn models_right(game: &Game) -> String {
    let [plain, hard_negative] = game.models_right();
    let rounds = game.rounds().len();
    format!(
        "Of these {rounds} pictures, the ordinary model picked the true caption for {plain}, the one trained on \
         almost-right captions for {hard_negative}; a coin toss gets half. Both models are tiny, and on some days the special training \
         does not help."
    )
}

/// The result to send on: what was played, the score, a line of squares a model, and where to play.
pub fn result(game: &Game, day: &str, address: &str) -> String {
    let line = |model: usize| {
        let squares: String = game.hits().iter().map(|hits| if hits[model] { '🟩' } else { '⬛' }).collect();
        format!("{squares} {}\n", MODELS[model])
    };
    format!(
        "Foil {day}: I guessed {} of {} answers by two AI models\n{}{}{address}",
        game.score(),
        2 * game.rounds().len(),
        line(0),
        line(1)
    )
}

/// How the days that the browser remembers went; nothing if today's is the only one.
pub fn remembered(scores: &[usize]) -> String {
    if scores.len() < 2 {
        return String::new();
    }
    let mean = scores.iter().sum::<usize>() as f64 / scores.len() as f64;
    let best = scores.iter().max().unwrap_or(&0);
    format!("{} days played: {mean:.1} on average, {best} at best.", scores.len())
}

#[cfg(test)]
mod tests {
    use shared::concept::Concept;

    use super::*;

    fn round(caption: &str, foil: &str, ahead: [f32; 2]) -> Round {
        Round {
            picture: "a.jpg".into(),
            edit: None,
            concept: Concept::Color,
            caption: caption.into(),
            foil: foil.into(),
            ahead,
        }
    }

    #[test]
    fn a_caption_forks_where_its_foil_does() {
        let orange = round("on top, a red car", "on top, an orange car", [0.2, -0.001]);
        let (before, options, after) = fork(&orange);
        assert_eq!((before, after), ("on top, ", " car"));
        assert_eq!([options[0], options[1]].concat().len(), "a redan orange".len());
        for (round, [before, after]) in [
            (round("red", "blue", [0.0; 2]), ["", ""]),
            (round("a red car", "a red cat", [0.0; 2]), ["a red ", ""]),
        ] {
            assert_eq!((fork(&round).0, fork(&round).2), (before, after));
        }
    }

    #[test]
    fn an_outcome_says_what_was_picked_whatever_was_bet() {
        let round = round("a red car", "a blue car", [0.2, -0.03]);
        assert_eq!(outcome(&round, 0, true), "You guessed right: it picks “red” (0.20 ahead)");
        assert_eq!(outcome(&round, 1, false), "You missed: it picks “blue” (0.03 ahead)");
        assert_eq!(truth(&round), "True: “a red car”. Only the ordinary model is right.");
    }

    #[test]
    fn a_result_can_be_sent_on() {
        let mut game = Game::new(vec![round("a red car", "a blue car", [0.2, -0.03]); 3]);
        for on_caption in [true, false, true] {
            (0..2).for_each(|model| game.bet(model, on_caption));
            game.go_on();
        }
        assert_eq!(
            result(&game, "2026-11-29", "https://a.b/"),
            "Foil 2026-11-29: I guessed 3 of 6 answers by two AI models\n🟩⬛🟩 Ordinary\n⬛🟩⬛ Almost-right\nhttps://a.b/"
        );
        assert_eq!(score(&game), "You guessed 3 of 6");
        assert!(models_right(&game).contains("for 3,"));
        assert_eq!(remembered(&[12]), "");
        assert_eq!(remembered(&[12, 15]), "2 days played: 13.5 on average, 15 at best.");
    }
}
