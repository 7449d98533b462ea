//! Drawing on a canvas that nobody sees, and the file that becomes of it.

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement};

use super::dom::document;

/// A canvas of a size in pixels, and what draws on it.
///
/// # Errors
/// If the browser does not draw.
pub(super) fn canvas(size: [u32; 2]) -> Result<(HtmlCanvasElement, CanvasRenderingContext2d), JsValue> {
    let canvas: HtmlCanvasElement = document().create_element("canvas")?.unchecked_into();
    canvas.set_width(size[0]);
    canvas.set_height(size[1]);
    let context = canvas.get_context("2d")?.ok_or("this browser draws no pictures")?.unchecked_into();
    Ok((canvas, context))
}

/// Hands what was drawn to `take`, as a file of a media type.
///
/// # Errors
/// If the browser makes no file of it.
pub(super) fn hand_over(
    canvas: &HtmlCanvasElement,
    kind: &str,
    take: impl FnOnce(&Blob) + 'static,
) -> Result<(), JsValue> {
    let mut take = Some(take);
    let done = Closure::<dyn FnMut(JsValue)>::once_into_js(move |file: JsValue| {
        if let (Some(take), Ok(file)) = (take.take(), file.dyn_into::<Blob>()) {
            take(&file);
        }
    });
    canvas.to_blob_with_type(done.unchecked_ref(), kind)
}
