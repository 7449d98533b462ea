//! The editor: strokes over the image, what they select, and the change that makes another image of it.

use std::cell::RefCell;
use std::rc::Rc;

use shared::caption::Caption;
use shared::edit::{Edit, Placement, caption_after};
use shared::scene::ColorName;
use wasm_bindgen::JsCast;
use web_sys::{
    Blob, CanvasRenderingContext2d, HtmlButtonElement, HtmlCanvasElement, HtmlDetailsElement, HtmlElement,
    HtmlImageElement, HtmlInputElement, HtmlSelectElement, KeyboardEvent, PointerEvent, Url,
};

use super::dom::{by_id, on, revoke, say, set_data, set_state, set_text};
use super::frame::Frame;
use super::images::reveal;
use super::state::{App, Editor, Image, Pending};
use crate::console::log_error;
use crate::protocol::{ImageId, Region, Request};
use crate::select::Stroke;
use crate::words;

impl App {
    /// Binds the controls of the editor.
    pub(super) fn listen_for_edits(app: &Rc<RefCell<App>>) {
        let canvas = canvas();
        let with = |act: fn(&mut App)| {
            let app = Rc::clone(app);
            move |_: web_sys::Event| act(&mut app.borrow_mut())
        };
        let painter = Rc::clone(app);
        on(&canvas, "pointerdown", move |event: PointerEvent| {
            event.prevent_default();
            self::canvas().set_pointer_capture(event.pointer_id()).unwrap_or_else(|error| log_error(&error));
            painter.borrow_mut().begin_stroke(&event);
        });
        let painter = Rc::clone(app);
        on(&canvas, "pointermove", move |event: PointerEvent| painter.borrow_mut().go_on(&event));
        for end in ["pointerup", "pointercancel"] {
            on(&canvas, end, with(App::end_stroke));
        }
        let painter = Rc::clone(app);
        on(&canvas, "keydown", move |event: KeyboardEvent| painter.borrow_mut().move_brush(&event));
        on(&by_id::<HtmlElement>("reach"), "change", with(App::ask_for_selection));
        on(&by_id::<HtmlElement>("undo"), "click", with(App::undo));
        on(&by_id::<HtmlElement>("apply-edit"), "click", with(App::apply_edit));
        on(&by_id::<HtmlElement>("edit-kind"), "change", |_: web_sys::Event| show_kind());
        on(&by_id::<HtmlElement>("editor"), "toggle", with(App::toggle_editor));
        show_kind();
    }

    /// Picture and tools must be seen together.
    fn toggle_editor(&mut self) {
        self.clear_table();
        if by_id::<HtmlDetailsElement>("editor").open() {
            reveal();
        }
    }

    fn begin_stroke(&mut self, event: &PointerEvent) {
        let Some(frame) = Frame::now() else { return };
        let start = frame.share([event.offset_x() as f32, event.offset_y() as f32]);
        self.editor.painting = true;
        self.editor.region.strokes.push(stroke(start));
        self.draw_strokes();
    }

    fn go_on(&mut self, event: &PointerEvent) {
        let Some(frame) = Frame::now().filter(|_| self.editor.painting) else { return };
        if let Some(stroke) = self.editor.region.strokes.last_mut() {
            stroke.points.push(frame.share([event.offset_x() as f32, event.offset_y() as f32]));
        }
        self.draw_strokes();
    }

    fn end_stroke(&mut self) {
        if std::mem::take(&mut self.editor.painting) {
            self.ask_for_selection();
        }
    }

    /// Arrow keys move the brush, the space bar paints with it.
    fn move_brush(&mut self, event: &KeyboardEvent) {
        const STEP: f32 = 0.02;
        let by = match event.key().as_str() {
            "ArrowLeft" => [-STEP, 0.0],
            "ArrowRight" => [STEP, 0.0],
            "ArrowUp" => [0.0, -STEP],
            "ArrowDown" => [0.0, STEP],
            " " => {
                event.prevent_default();
                self.editor.region.strokes.push(stroke(self.editor.brush));
                self.draw_strokes();
                return self.ask_for_selection();
            }
            _ => return,
        };
        event.prevent_default();
        for (place, by) in self.editor.brush.iter_mut().zip(by) {
            *place = (*place + by).clamp(0.0, 1.0);
        }
        self.draw_strokes();
        self.draw_brush();
    }

    fn draw_strokes(&self) {
        let canvas = canvas();
        // Setting the size clears it.
        canvas.set_width(canvas.client_width() as u32);
        canvas.set_height(canvas.client_height() as u32);
        let (Some(frame), Some(context)) = (Frame::now(), context()) else { return };
        // What earlier strokes select is shown already.
        let Some(stroke) = self.editor.region.strokes.last() else { return };
        context.set_line_cap("round");
        context.set_line_join("round");
        context.set_line_width(f64::from(2.0 * stroke.radius * frame.longer_side()));
        context.set_stroke_style_str(if stroke.erases {
            "rgb(179 38 30 / .6)"
        } else {
            "rgb(29 79 156 / .6)"
        });
        context.begin_path();
        for (nth, point) in stroke.points.iter().enumerate() {
            let [x, y] = frame.place(*point);
            if nth == 0 {
                context.move_to(x, y);
            }
            context.line_to(x, y);
        }
        context.stroke();
    }

    fn draw_brush(&self) {
        const ARM: f64 = 9.0;
        let (Some(frame), Some(context)) = (Frame::now(), context()) else { return };
        let [x, y] = frame.place(self.editor.brush);
        for (width, style) in [(4.0, "white"), (1.5, "black")] {
            context.set_line_width(width);
            context.set_stroke_style_str(style);
            context.begin_path();
            context.move_to(x - ARM, y);
            context.line_to(x + ARM, y);
            context.move_to(x, y - ARM);
            context.line_to(x, y + ARM);
            context.stroke();
        }
    }

    fn ask_for_selection(&mut self) {
        let Some(image) = self.current.filter(|_| !self.editor.region.strokes.is_empty()) else { return };
        self.editor.region.reach = value("reach");
        self.ask(&Request::Select { image, region: self.editor.region.clone() }, None);
    }

    /// Shows what the strokes select.
    pub(super) fn show_selection(
        &mut self,
        image: ImageId,
        share: f32,
        color: Option<ColorName>,
        mask: &Blob,
    ) {
        if self.current != Some(image) || self.editor.region.strokes.is_empty() {
            return;
        }
        if !self.editor.painting {
            let canvas = canvas();
            canvas.set_width(canvas.client_width() as u32);
        }
        match Url::create_object_url_with_blob(mask) {
            Ok(url) => show_mask(Some(&url)),
            Err(error) => log_error(&error),
        }
        note(&words::selection(share, color));
    }

    /// Takes back the last stroke, or else the change that made the image on show.
    fn undo(&mut self) {
        if self.editor.region.strokes.pop().is_some() {
            let rest = std::mem::take(&mut self.editor.region);
            self.clear_table();
            self.editor.region = rest;
            self.ask_for_selection();
        } else if let Some((id, source)) = self.current().and_then(|image| Some((image.id, image.source?))) {
            self.remove(id);
            self.select(source);
            by_id::<HtmlButtonElement>("undo").focus().unwrap_or_else(|error| log_error(&error));
            note("Back to the picture before.");
        } else {
            note("There is nothing to undo.");
        }
    }

    /// Forgets all strokes.
    pub(super) fn clear_table(&mut self) {
        self.editor = Editor { brush: [0.5, 0.5], pending: self.editor.pending.take(), ..Editor::default() };
        show_mask(None);
        let canvas = canvas();
        canvas.set_width(canvas.client_width() as u32);
        note("");
    }

    fn apply_edit(&mut self) {
        let Some(source) = self.current().filter(|image| image.read).map(|image| image.id) else {
            return note("Open a picture first.");
        };
        if self.editor.pending.is_some() || !self.engine_listens {
            return;
        }
        let edit = chosen_edit();
        if edit != Edit::Mirror && self.editor.region.strokes.is_empty() {
            return note("Paint over the thing that should change first.");
        }
        self.editor.region.reach = value("reach");
        let region = self.editor.region.clone();
        self.begin_edit(Pending { source, edit, prepared: None, asked: None }, region);
    }

    /// Has the engine make another image of one.
    pub(super) fn begin_edit(&mut self, pending: Pending, region: Region) {
        let id = self.next_id;
        self.next_id += 1;
        self.example = None;
        let Pending { source, edit, .. } = pending;
        self.editor.pending = Some(pending);
        set_state("working");
        say("Editing the picture.");
        self.ask(&Request::Edit { image: source, id, region, edit }, None);
    }

    /// Puts an edited image beside the one it was made of, with the caption that fits it.
    pub(super) fn take_edited(app: &Rc<RefCell<App>>, id: ImageId, was: Option<ColorName>, file: &Blob) {
        let mut state = app.borrow_mut();
        let pending = state.editor.pending.take();
        let known = |source| state.images.iter().find(|image| image.id == source);
        let Some((source, pending)) = pending.and_then(|pending| Some((known(pending.source)?, pending)))
        else {
            // The source was removed meanwhile.
            state.ask(&Request::RemoveImage { id }, None);
            return state.rest();
        };
        let (source_id, name) = (source.id, words::edited_name(&source.name, pending.edit, was));
        let fitting = pending.prepared.and_then(|prepared| prepared.after).map(str::to_owned).or_else(|| {
            caption_after(&Caption::new(&source.caption), pending.edit, was).map(|negative| negative.caption)
        });
        let has_caption = fitting.is_some();
        let fitting = fitting.unwrap_or_else(|| source.caption.clone());
        let [caption, foil] = pending.asked.unwrap_or_else(|| [fitting, String::new()]);
        let prepared = pending.prepared;
        let made = Image {
            read: true,
            source: Some(source_id),
            prepared,
            foil,
            ..Image::new(id, &name, &caption, file)
        };
        state.images.push(made);
        state.rest();
        state.pair(source_id, id);
        if state.current != Some(source_id) {
            // The visitor has gone on to another image.
            state.list_images();
            return state.show_current();
        }
        state.select(id);
        if !has_caption {
            note("Type the caption that fits the picture now, and compare.");
        }
    }

    /// Says why there is no edited image.
    pub(super) fn refuse_edit(&mut self, reason: &str) {
        self.editor.pending = None;
        self.rest();
        say("Nothing was changed.");
        note(&format!("This cannot be done: {reason}."));
    }

    /// A new engine knows nothing of what the last one was asked.
    pub(super) fn forget_pending_edit(&mut self) {
        self.editor.pending = None;
    }
}

/// The change that the controls describe.
fn chosen_edit() -> Edit {
    match kind().as_str() {
        "mirror" => Edit::Mirror,
        "remove" => Edit::Remove,
        "move" => {
            let [right, down] = ["move-right", "move-down"].map(|id| value(id) / 100.0);
            Edit::Place(Placement { right, down, ..Placement::UNCHANGED })
        }
        "resize" => Edit::Place(Placement { scale: value("resize-by") / 100.0, ..Placement::UNCHANGED }),
        _ => {
            let name = by_id::<HtmlSelectElement>("edit-color").value();
            let offered = ColorName::ALL.into_iter().find(|color| color.name() == name);
            let to = offered.expect("the page offers the colors of scenes, as tests/tidy.rs makes sure");
            Edit::Recolor { to }
        }
    }
}

fn kind() -> String {
    by_id::<HtmlSelectElement>("edit-kind").value()
}

/// Shows the controls that belong to the kind of change.
fn show_kind() {
    set_data(&by_id::<HtmlDetailsElement>("editor"), "kind", &kind());
}

fn value(id: &str) -> f32 {
    by_id::<HtmlInputElement>(id).value_as_number() as f32
}

/// A stroke that begins at a point.
fn stroke(point: [f32; 2]) -> Stroke {
    Stroke {
        points: vec![point],
        radius: value("brush-size") / 100.0,
        erases: by_id::<HtmlInputElement>("brush-erases").checked(),
    }
}

fn show_mask(url: Option<&str>) {
    let image: HtmlImageElement = by_id("selection");
    let old = image.src();
    if !old.is_empty() {
        revoke(&old);
    }
    match url {
        Some(url) => image.set_src(url),
        None => image.remove_attribute("src").unwrap_or_else(|error| log_error(&error)),
    }
}

fn note(words: &str) {
    set_text("edit-note", words);
}

fn canvas() -> HtmlCanvasElement {
    by_id("paint")
}

fn context() -> Option<CanvasRenderingContext2d> {
    canvas().get_context("2d").ok().flatten()?.dyn_into().ok()
}
