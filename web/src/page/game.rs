//! The guessing game at the top of the page.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use shared::scene::Pair;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;
use web_sys::{
    Event, HtmlAnchorElement, HtmlElement, HtmlImageElement, HtmlInputElement, ScrollIntoViewOptions,
    ScrollLogicalPosition, Url,
};

use super::canvas::loaded;
use super::card;
use super::day::{address, date, linked, today};
use super::dom::{
    append, by_id, clear, copy_of, focus_still, on, on_click_within, set_attribute, set_data, set_slot,
    set_text, slot,
};
use super::samples;
use super::share::{Asked, can_share, copy, give, share};
use super::storage;
use crate::console::log_error;
use crate::game::{Game, Round, deal};
use crate::png;
use crate::sample::{self, PreparedEdit, SCENE_SIDE};
use crate::words::game as words;

/// All rounds, with what the page's models pick.
const ROUNDS: &str = "game.json";
/// Under which the browser remembers results: hits by day, as ones and zeros.
const REMEMBERED: &str = "foil-game";

/// The game on the page.
struct Table {
    rounds: Vec<Round>,
    game: Game,
    /// The day whose rounds are played, counted from the beginning of 1970.
    day: u32,
    /// Where the browser finds each scene that was drawn.
    drawn: BTreeMap<String, String>,
}

/// Loads the rounds and begins with those of today, or of the day that the address names.
pub(super) async fn start() {
    let rounds = samples::text(ROUNDS).await;
    match rounds.and_then(|json| Ok(serde_json::from_str::<Vec<Round>>(&json).map_err(|e| e.to_string())?)) {
        Ok(rounds) => begin(rounds),
        Err(error) => {
            log_error(&error);
            by_id::<HtmlElement>("game").set_hidden(true);
        }
    }
}

fn begin(rounds: Vec<Round>) {
    let mut table = Table { rounds, game: Game::default(), day: 0, drawn: BTreeMap::new() };
    let asked = linked();
    table.play(asked.unwrap_or_else(today));
    if asked.is_some() {
        by_id::<HtmlElement>("game").scroll_into_view();
    }
    let remember: HtmlInputElement = by_id("game-remember");
    remember.set_checked(!remembered().is_empty());
    let table = Rc::new(RefCell::new(table));
    let act = |id: &str, act: fn(&mut Table)| {
        let table = Rc::clone(&table);
        on(&by_id::<HtmlElement>(id), "click", move |_: Event| act(&mut table.borrow_mut()));
    };
    act("game-next", Table::go_on);
    act("game-earlier", |table| {
        table.play(table.day.saturating_sub(1));
        focus("game-heading");
    });
    act("game-copy", |table| {
        copy(&table.result(), |is_copied| {
            set_text(
                "game-note",
                if is_copied { "Copied." } else { "This browser does not let the page copy." },
            );
        })
    });
    act("game-share", |table| share(&table.result(), || set_text("game-note", "Shared.")));
    act("game-card", |table| table.save_card());
    act("game-remember", Table::remember);
    let betting = Rc::clone(&table);
    on_click_within(&by_id("game"), "bet", move |bet| {
        let Some((Ok(model), Ok(option))) = bet.split_once(' ').map(|(a, b)| (a.parse(), b.parse())) else {
            return;
        };
        betting.borrow_mut().bet(model, option);
        if betting.borrow().game.is_shown() {
            let table = Rc::clone(&betting);
            spawn_local(async move {
                samples::breathe().await;
                table.borrow_mut().fetch_next();
            });
        }
    });
    // A link to a day may be followed while the page is open.
    if let Some(window) = web_sys::window() {
        on(&window, "hashchange", move |_: Event| {
            if let Some(day) = linked() {
                table.borrow_mut().play(day);
                by_id::<HtmlElement>("game").scroll_into_view();
            }
        });
    }
}

impl Table {
    /// Deals the rounds of a day, or shows how they went if the browser remembers it.
    fn play(&mut self, day: u32) {
        self.day = day;
        let rounds: Vec<Round> =
            deal(&self.rounds, day).into_iter().map(|at| self.rounds[at].clone()).collect();
        let hits = remembered().remove(&date(day)).and_then(|hits| hits_of(&hits, rounds.len()));
        self.game = match hits {
            Some(hits) => Game::over(rounds, hits),
            None => Game::new(rounds),
        };
        self.show();
    }

    fn bet(&mut self, model: usize, option: usize) {
        let Some(round) = self.game.round() else { return };
        self.game.bet(model.min(1), (option == 0) == round.is_caption_first());
        self.show_bets();
        if self.game.is_shown() {
            focus("game-next");
        }
    }

    fn go_on(&mut self) {
        self.game.go_on();
        self.show();
        if self.game.round().is_none() {
            self.remember();
            focus("game-over");
        } else {
            focus("game-sentence");
        }
    }

    /// Shows the round, or the result.
    fn show(&mut self) {
        let is_today = self.day == today();
        set_text(
            "game-day",
            &if is_today {
                "today’s ten pictures".into()
            } else {
                format!("ten pictures from {}", date(self.day))
            },
        );
        let Some(round) = self.game.round().cloned() else { return self.show_result() };
        by_id::<HtmlElement>("game-round").set_hidden(false);
        by_id::<HtmlElement>("game-over").set_hidden(true);
        match self.picture(&round) {
            Ok(url) => {
                let image: HtmlImageElement = by_id("game-picture");
                image.set_src(&url);
                image.set_alt(&format!("The picture shows {}.", round.caption));
            }
            Err(error) => log_error(&error),
        }
        let (before, options, after) = words::fork(&round);
        set_data(&by_id("game-sentence"), "concept", round.concept.name());
        set_text("game-before", before);
        set_text("game-after", after);
        for (nth, option) in options.into_iter().enumerate() {
            set_text(&format!("game-option-{nth}"), option);
            for model in 0..2 {
                set_text(&format!("game-bet-{model}-{nth}"), option);
            }
        }
        let (number, of) = (self.game.number(), self.game.rounds().len());
        let edited = if round.edit.is_some() { ", an edited photo" } else { "" };
        set_text("game-number", &format!("Picture {number} of {of}{edited}"));
        set_text("game-next", if self.game.is_last() { "See your score" } else { "Next picture" });
        let link: HtmlAnchorElement = by_id("game-ask");
        match address_of(&round) {
            Ok(address) => link.set_href(&address),
            Err(error) => log_error(&error),
        }
        self.show_bets();
    }

    /// Fetches or draws the next picture while what the models picked is read.
    fn fetch_next(&mut self) {
        if let Some(next) = self.game.rounds().get(self.game.number()).cloned()
            && let Ok(url) = self.picture(&next)
            && let Ok(image) = HtmlImageElement::new()
        {
            image.set_src(&url);
        }
    }

    /// Shows the bets on the round, and what the models picked once both are made.
    fn show_bets(&self) {
        let Some(round) = self.game.round() else { return };
        let is_shown = self.game.is_shown();
        set_data(&by_id("game"), "phase", if is_shown { "shown" } else { "bet" });
        let hits = self.game.hits().last().filter(|_| is_shown);
        for (model, (bet, picks_caption)) in self.game.bets().into_iter().zip(round.picks()).enumerate() {
            for option in 0..2 {
                let is_caption = (option == 0) == round.is_caption_first();
                let button: HtmlElement = by_id(&format!("game-bet-{model}-{option}"));
                set_attribute(&button, "aria-pressed", &(bet == Some(is_caption)).to_string());
                set_attribute(&button, "aria-disabled", &is_shown.to_string());
                let token: HtmlElement = by_id(&format!("game-token-{model}-{option}"));
                token.set_hidden(!is_shown || picks_caption != is_caption);
                set_data(
                    &by_id(&format!("game-fork-{option}")),
                    "true",
                    &(is_shown && is_caption).to_string(),
                );
            }
            let outcome: HtmlElement = by_id(&format!("game-outcome-{model}"));
            set_data(&outcome, "hit", &hits.map_or(String::new(), |hits| hits[model].to_string()));
            outcome.set_text_content(hits.map(|hits| words::outcome(round, model, hits[model])).as_deref());
        }
        let truth = if is_shown { words::truth(round) } else { String::new() };
        set_text("game-verdict", &truth);
        by_id::<HtmlElement>("game-reveal").set_hidden(!is_shown);
        self.show_track();
    }

    /// Shows which bets were right so far, a pair of marks a round.
    fn show_track(&self) {
        let track: HtmlElement = by_id("game-track");
        clear(&track);
        for nth in 0..self.game.rounds().len() {
            let item = self.marked(copy_of("game-mark"), nth);
            set_data(&item, "now", &(nth + 1 == self.game.number()).to_string());
            append(&track, &item);
        }
    }

    /// Marks the bets on a round as right or wrong.
    fn marked(&self, item: HtmlElement, nth: usize) -> HtmlElement {
        let hits = self.game.hits().get(nth);
        for model in 0..2 {
            let said = hits.map_or("", |hits| if hits[model] { "hit" } else { "miss" });
            set_data(&slot(&item, &format!("mark-{model}")), "hit", said);
        }
        let words = hits.map_or("to come".to_owned(), |hits| {
            hits.map(|hit| if hit { "right" } else { "wrong" }).join(" and ")
        });
        set_slot(&item, "words", &format!("Picture {}: {words}.", nth + 1));
        item
    }

    fn show_result(&mut self) {
        set_data(&by_id("game"), "phase", "over");
        by_id::<HtmlElement>("game-round").set_hidden(true);
        by_id::<HtmlElement>("game-over").set_hidden(false);
        set_text("game-number", "");
        set_text("game-score", &words::score(&self.game));
        set_text("game-models", &words::models_right(&self.game));
        set_text("game-note", "");
        by_id::<HtmlElement>("game-share").set_hidden(!can_share());
        let grid: HtmlElement = by_id("game-grid");
        clear(&grid);
        for (nth, round) in self.game.rounds().to_vec().iter().enumerate() {
            let item = self.marked(copy_of("game-shot"), nth);
            match self.picture(round) {
                Ok(url) => slot::<HtmlImageElement>(&item, "thumb").set_src(&url),
                Err(error) => log_error(&error),
            }
            append(&grid, &item);
        }
        self.show_remembered();
    }

    /// Where the browser finds the picture of a round.
    fn picture(&mut self, round: &Round) -> Result<String, JsValue> {
        if let Some(file) = round.file() {
            return Ok(file);
        }
        if let Some(url) = self.drawn.get(&round.picture) {
            return Ok(url.clone());
        }
        let (concept, seed) = sample::scene(&round.picture).ok_or("a picture without a file")?;
        let file = png::of_image(&Pair::from_seed(concept, seed).scene().render(SCENE_SIDE))?;
        let url = Url::create_object_url_with_blob(&file)?;
        self.drawn.insert(round.picture.clone(), url.clone());
        Ok(url)
    }

    fn result(&self) -> String {
        words::result(&self.game, &date(self.day), &address(self.day))
    }

    fn save_card(&mut self) {
        let rounds = self.game.rounds().to_vec();
        let urls: Result<Vec<String>, JsValue> = rounds.iter().map(|round| self.picture(round)).collect();
        let title = format!("{} ({})", words::score(&self.game), date(self.day));
        let hits = self.game.hits().to_vec();
        spawn_local(async move {
            let drawn = async {
                let mut pictures = Vec::new();
                for url in urls? {
                    pictures.push(loaded(&url).await?);
                }
                let save = |file: &web_sys::Blob| set_text("game-note", &give("foil-game.png", file));
                card::draw_game(&title, &pictures, &hits, save)
            };
            drawn.await.unwrap_or_else(|error| log_error(&error));
        });
    }

    /// Has the browser remember the result, if the visitor agrees, or forget all of them.
    fn remember(&mut self) {
        let is_agreed = by_id::<HtmlInputElement>("game-remember").checked();
        let mut days = if is_agreed { remembered() } else { BTreeMap::new() };
        if is_agreed && self.game.round().is_none() && !self.game.rounds().is_empty() {
            let hits = self.game.hits().iter().flatten();
            days.insert(date(self.day), hits.map(|hit| if *hit { '1' } else { '0' }).collect());
        }
        let is_done =
            if days.is_empty() { storage::forget(REMEMBERED) } else { storage::write(REMEMBERED, &days) };
        if !is_done {
            set_text("game-note", "This browser does not let the page remember anything.");
        }
        self.show_remembered();
    }

    fn show_remembered(&self) {
        let scores: Vec<usize> =
            remembered().values().map(|hits| hits.chars().filter(|hit| *hit == '1').count()).collect();
        set_text("game-days", &words::remembered(&scores));
    }
}

/// The link that asks the models themselves about a round.
fn address_of(round: &Round) -> Result<String, JsValue> {
    let asked = Asked {
        caption: Some(round.caption.clone()),
        foil: Some(round.foil.clone()),
        sample: Some(round.picture.clone()),
        set: Some(round.set()),
        edit: round.edit.as_deref().and_then(PreparedEdit::named),
        picture: None,
    };
    asked.hash()
}

/// What the browser remembers.
fn remembered() -> BTreeMap<String, String> {
    storage::read(REMEMBERED).unwrap_or_default()
}

/// Two hits a round, of ones and zeros; nothing if they are of another number of rounds.
fn hits_of(written: &str, rounds: usize) -> Option<Vec<[bool; 2]>> {
    let hits: Vec<bool> = written.chars().map(|hit| hit == '1').collect();
    let (pairs, rest) = hits.as_chunks::<2>();
    (pairs.len() == rounds && rest.is_empty()).then(|| pairs.to_vec())
}

/// Moves the focus to the next thing to press or to read, and the page no further than it takes to see all of the game.
fn focus(id: &str) {
    focus_still(id);
    let nearest = ScrollIntoViewOptions::new();
    nearest.set_block(ScrollLogicalPosition::Nearest);
    by_id::<HtmlElement>("game").scroll_into_view_with_scroll_into_view_options(&nearest);
}
