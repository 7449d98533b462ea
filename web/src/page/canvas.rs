//! Drawing on a canvas that nobody sees, and the file that becomes of it.

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, CanvasRenderingContext2d, HtmlCanvasElement, HtmlImageElement};

use super::dom::document;

/// The longer side of a small copy in pixels.
pub(super) const COPY_SIDE: u32 = 256;

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

/// The image behind an address, decoded.
///
/// # Errors
/// If there is none.
pub(super) async fn loaded(url: &str) -> Result<HtmlImageElement, JsValue> {
    let image = HtmlImageElement::new()?;
    image.set_src(url);
    JsFuture::from(image.decode()).await?;
    Ok(image)
}

/// A copy of an image of at most [`COPY_SIDE`] pixels a side, as a `data:` address of a JPEG file.
///
/// # Errors
/// If the browser does not draw.
pub(super) fn small_jpeg(image: &HtmlImageElement) -> Result<String, JsValue> {
    const QUALITY: f64 = 0.7;
    let natural = [image.natural_width(), image.natural_height()].map(f64::from);
    if natural.contains(&0.0) {
        return Err("the picture is not there yet".into());
    }
    let scale = (f64::from(COPY_SIDE) / natural[0].max(natural[1])).min(1.0);
    let size = natural.map(|side| (scale * side).round().max(1.0));
    let (canvas, context) = canvas(size.map(|side| side as u32))?;
    // As the engine does: what is transparent would be black in a JPEG file.
    context.set_fill_style_str("#fff");
    context.fill_rect(0.0, 0.0, size[0], size[1]);
    context.draw_image_with_html_image_element_and_dw_and_dh(image, 0.0, 0.0, size[0], size[1])?;
    canvas.to_data_url_with_type_and_encoder_options("image/jpeg", &QUALITY.into())
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
