//! The answer, or the result of a game, as an image to pass on.

use wasm_bindgen::JsValue;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, HtmlImageElement};

use super::canvas::{canvas, hand_over};
use super::dom::{by_id, document};
use crate::protocol::Answer;
use crate::words;

/// The size that sites show links in, in pixels.
const SIZE: [u32; 2] = [1200, 630];
const MARGIN: f64 = 48.0;
const PICTURE: f64 = 480.0;
const GAP: f64 = 16.0;
const PAPER: &str = "#fdfdfc";
const INK: &str = "#1b1e24";
const SOFT: &str = "#5a5f69";
const RIGHT: &str = "#1b6b3a";
const WRONG: &str = "#b3261e";
const SERIF: &str = "Georgia, serif";
const SANS: &str = "system-ui, sans-serif";

/// Draws the image on show, its caption and what each model made of them, and hands the PNG file to `take`.
///
/// # Errors
/// If the browser does not draw.
pub(super) fn draw(answers: &[Answer], take: impl FnOnce(&Blob) + 'static) -> Result<(), JsValue> {
    let (canvas, context) = sheet()?;
    let [width, height] = SIZE.map(f64::from);
    let other: HtmlImageElement = by_id("counterpart-picture");
    let mut pictures = vec![by_id::<HtmlImageElement>("current-picture")];
    if other.natural_width() > 0 {
        pictures.insert(0, other);
    }
    // One above the other, before and after.
    let room = (height - 2.0 * MARGIN - GAP * (pictures.len() - 1) as f64) / pictures.len() as f64;
    for (nth, picture) in pictures.iter().enumerate() {
        let natural = [picture.natural_width(), picture.natural_height()].map(f64::from);
        let scale = (PICTURE / natural[0]).min(room / natural[1]);
        let size = natural.map(|side| side * scale);
        let [x, y] =
            [MARGIN + (PICTURE - size[0]) / 2.0, MARGIN + nth as f64 * (room + GAP) + (room - size[1]) / 2.0];
        context.draw_image_with_html_image_element_and_dw_and_dh(picture, x, y, size[0], size[1])?;
    }

    let left = 2.0 * MARGIN + PICTURE;
    let mut pen = Pen { context: &context, left, width: width - left - MARGIN, y: MARGIN };
    let caption = answers.first().and_then(|answer| answer.scores.first()).map_or("", |score| &score.caption);
    pen.write(&format!("“{caption}”"), INK, &format!("500 30px {SERIF}"), 38.0)?;
    for answer in answers {
        pen.y += 18.0;
        pen.write(words::title(&answer.model), INK, &format!("600 21px {SANS}"), 28.0)?;
        for said in words::said(answer) {
            let (icon, color) = if said.outcome == "yes" { ("✓", RIGHT) } else { ("✕", WRONG) };
            pen.write(&format!("{icon} {}", said.words), color, &format!("400 20px {SANS}"), 27.0)?;
        }
        if let Some(square) = &answer.square {
            let [.., (words, is_right)] =
                words::square([square.image_to_text(), square.text_to_image(), square.group()]);
            let (icon, color) = if is_right { ("✓", RIGHT) } else { ("✕", WRONG) };
            pen.write(&format!("{icon} {words}"), color, &format!("400 20px {SANS}"), 27.0)?;
        }
    }
    finish(&canvas, &context, take)
}

/// Draws the pictures of a game with what was guessed of each, and hands the PNG file to `take`. The pictures must be decoded.
///
/// # Errors
/// If the browser does not draw.
pub(super) fn draw_game(
    title: &str,
    pictures: &[HtmlImageElement],
    hits: &[[bool; 2]],
    take: impl FnOnce(&Blob) + 'static,
) -> Result<(), JsValue> {
    /// Pictures a row.
    const ROW: usize = 5;
    const SIDE: f64 = 156.0;
    const MARK: f64 = 28.0;
    let (canvas, context) = sheet()?;
    let width = f64::from(SIZE[0]);
    let mut pen = Pen { context: &context, left: MARGIN, width: width - 2.0 * MARGIN, y: 20.0 };
    pen.write("Can you guess what an image model says?", INK, &format!("500 38px {SERIF}"), 46.0)?;
    pen.write(title, INK, &format!("600 24px {SANS}"), 36.0)?;
    context.set_fill_style_str(SOFT);
    context.set_font(&format!("400 16px {SANS}"));
    let legend = "left: ordinary training, right: training on almost-right captions";
    context.fill_text(legend, width - MARGIN - context.measure_text(legend)?.width(), pen.y)?;
    let step = (width - 2.0 * MARGIN - SIDE) / (ROW - 1) as f64;
    for (nth, (picture, hits)) in pictures.iter().zip(hits).enumerate() {
        let [x, y] = [MARGIN + (nth % ROW) as f64 * step, 130.0 + (nth / ROW) as f64 * (SIDE + MARK + 40.0)];
        let natural = [picture.natural_width(), picture.natural_height()].map(f64::from);
        // The square in the middle.
        let side = natural[0].min(natural[1]);
        let [left, top] = natural.map(|of| (of - side) / 2.0);
        context.draw_image_with_html_image_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            picture, left, top, side, side, x, y, SIDE, SIDE,
        )?;
        for (model, hit) in hits.iter().enumerate() {
            context.set_fill_style_str(if *hit { RIGHT } else { SOFT });
            context.fill_rect(x + model as f64 * (MARK + 8.0), y + SIDE + 10.0, MARK, MARK);
            context.set_fill_style_str(PAPER);
            context.set_font(&format!("700 20px {SANS}"));
            context.fill_text(
                if *hit { "✓" } else { "✕" },
                x + model as f64 * (MARK + 8.0) + 6.0,
                y + SIDE + 31.0,
            )?;
        }
    }
    finish(&canvas, &context, take)
}

/// An empty card.
fn sheet() -> Result<(HtmlCanvasElement, CanvasRenderingContext2d), JsValue> {
    let (canvas, context) = canvas(SIZE)?;
    context.set_fill_style_str(PAPER);
    context.fill_rect(0.0, 0.0, f64::from(SIZE[0]), f64::from(SIZE[1]));
    Ok((canvas, context))
}

/// Signs a card and hands its PNG file to `take`.
fn finish(
    canvas: &HtmlCanvasElement,
    context: &CanvasRenderingContext2d,
    take: impl FnOnce(&Blob) + 'static,
) -> Result<(), JsValue> {
    context.set_fill_style_str(SOFT);
    context.set_font(&format!("400 16px {SANS}"));
    let location = document().location().ok_or("the page has no address")?;
    let address = format!("{}{}", location.host()?, location.pathname()?);
    let signature =
        format!("Foil: does the model know a red car from a blue one?  {}", address.trim_end_matches('/'));
    context.fill_text(&signature, MARGIN, f64::from(SIZE[1]) - MARGIN / 2.0)?;
    hand_over(canvas, "image/png", take)
}

/// Writes lines from the top down.
struct Pen<'c> {
    context: &'c CanvasRenderingContext2d,
    left: f64,
    width: f64,
    y: f64,
}

impl Pen<'_> {
    /// Writes words in as many lines as they need; none below the lower margin.
    fn write(&mut self, words: &str, color: &str, font: &str, line_height: f64) -> Result<(), JsValue> {
        self.context.set_font(font);
        self.context.set_fill_style_str(color);
        let mut line = String::new();
        for word in words.split_whitespace() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.context.measure_text(&longer)?.width() > self.width && !line.is_empty() {
                self.end(&line, line_height)?;
                line = word.to_owned();
            } else {
                line = longer;
            }
        }
        self.end(&line, line_height)
    }

    fn end(&mut self, line: &str, line_height: f64) -> Result<(), JsValue> {
        if self.y + line_height > f64::from(SIZE[1]) - MARGIN {
            return Ok(());
        }
        self.y += line_height;
        self.context.fill_text(line, self.left, self.y)
    }
}
