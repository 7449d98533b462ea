//! The images that are open. Only their files are held, which the browser may keep on disk, and the pixels of the one that was
//! needed last: a hundred photographs take no more memory than one.

use std::collections::{BTreeMap, VecDeque};

use shared::decode::{DecodeError, Decoded, MAX_PIXELS, decode};
use shared::image::Image;
use shared::resize::{reduced, within};
use wasm_bindgen::{Clamped, JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, ImageBitmap, ImageData, ImageEncodeOptions, OffscreenCanvas, OffscreenCanvasRenderingContext2d,
};

use super::{blob, scope, tell, tell_with};
use crate::png;
use crate::protocol::{Event, ImageId};

/// The longer side of the small image that the page lists, in pixels.
const THUMBNAIL_SIDE: u32 = 112;

/// An image of more pixels is shown as a smaller one, of a longer side below this. A browser that draws a photograph of 48
/// megapixels takes 400 MB for it.
const SHOWN_WHOLE: u32 = 4_000_000;
const SHOWN_SIDE: u32 = 1600;

/// What is said of an image that the browser decoded.
const BY_BROWSER: &str = "decoded by the browser, so a color may be off by a level";

/// The open images.
#[derive(Default)]
pub struct Images {
    files: BTreeMap<ImageId, Blob>,
    /// Those that were never read, in the order in which they came.
    unread: VecDeque<ImageId>,
    last: Option<(ImageId, Image)>,
}

impl Images {
    /// Opens a file, to be read when there is time.
    pub fn add(&mut self, id: ImageId, file: Blob) {
        self.files.insert(id, file);
        self.unread.push_back(id);
    }

    /// Opens an image that was made here, and its file.
    pub fn put(&mut self, id: ImageId, file: Blob, image: Image) {
        self.add(id, file);
        self.last = Some((id, image));
    }

    /// Forgets an image.
    pub fn remove(&mut self, id: ImageId) {
        self.files.remove(&id);
        self.unread.retain(|unread| *unread != id);
        self.last = self.last.take().filter(|(last, _)| *last != id);
    }

    /// The next image that was never read.
    pub fn next_unread(&self) -> Option<ImageId> {
        self.unread.front().copied()
    }

    /// The pixels of an image; nothing if it is not open, or cannot be read, which the page is told then.
    pub async fn pixels(&mut self, id: ImageId) -> Option<&Image> {
        let mut notes = Vec::new();
        if self.last.as_ref().is_none_or(|(last, _)| *last != id) {
            // Before the next one is decoded: memory that a page has taken once is never given back.
            self.last = None;
            let file = self.files.get(&id)?.clone();
            tell(&Event::ImageBegun { id });
            match read(&file).await {
                Ok((image, said)) => {
                    notes = said;
                    self.last = Some((id, image));
                }
                Err(reason) => {
                    self.remove(id);
                    tell(&Event::ImageRefused { id, reason });
                }
            }
        }
        let (_, image) = self.last.as_ref()?;
        if self.unread.contains(&id) {
            self.unread.retain(|unread| *unread != id);
            tell_read(id, image, notes).await;
        }
        Some(image)
    }

    /// The pixels of an image, for who needs two images at a time.
    pub async fn take(&mut self, id: ImageId) -> Option<Image> {
        self.pixels(id).await?;
        self.last.take().map(|(_, image)| image)
    }
}

async fn tell_read(id: ImageId, image: &Image, notes: Vec<String>) {
    let is_empty = image.pixels().iter().all(|pixel| *pixel == image.pixels()[0]);
    let is_large = image.width() * image.height() > SHOWN_WHOLE;
    let factor = if is_large { image.width().max(image.height()).div_ceil(SHOWN_SIDE) } else { 1 };
    let small = (factor > 1).then(|| reduced(image, factor));
    let thumbnail = png::of_image(&within(small.as_ref().unwrap_or(image), THUMBNAIL_SIDE)).ok();
    let preview = match &small {
        Some(small) => as_jpeg(small).await.ok().or_else(|| png::of_image(small).ok()),
        None => None,
    };
    // Without them, for which the browser had no memory, the page shows the file itself.
    tell_with(&Event::ImageRead { id, notes, is_empty }, thumbnail.iter().chain(&preview));
}

/// An image as a JPEG file, which is small and not quite the image any more.
async fn as_jpeg(image: &Image) -> Result<Blob, JsValue> {
    let (canvas, context) = canvas(image.width(), image.height())?;
    let rgba: Vec<u8> = image.pixels().iter().flat_map(|[r, g, b]| [*r, *g, *b, u8::MAX]).collect();
    let data = ImageData::new_with_u8_clamped_array(Clamped(&rgba), image.width())?;
    context.put_image_data(&data, 0.0, 0.0)?;
    let options = ImageEncodeOptions::new();
    options.set_type("image/jpeg");
    JsFuture::from(canvas.convert_to_blob_with_options(&options)?).await?.dyn_into()
}

fn canvas(width: u32, height: u32) -> Result<(OffscreenCanvas, OffscreenCanvasRenderingContext2d), JsValue> {
    let canvas = OffscreenCanvas::new(width, height)?;
    let context = canvas.get_context("2d")?.ok_or("this browser draws no images here")?.unchecked_into();
    Ok((canvas, context))
}

/// The image in a file, and what was done to it.
///
/// # Errors
/// A sentence, if neither we nor the browser can read it.
pub async fn read(file: &Blob) -> Result<(Image, Vec<String>), String> {
    let bytes = blob::read(file).await?;
    match decode(&bytes) {
        Ok(Decoded { image, notes }) => Ok((image, notes.iter().map(ToString::to_string).collect())),
        Err(error @ DecodeError::Unsupported(_)) => {
            drop(bytes);
            let image = by_browser(file).await.map_err(|_| error.to_string())?;
            Ok((image, vec![BY_BROWSER.to_owned()]))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// What the browser makes of a file in a format that is not decoded here: upright, on white.
async fn by_browser(file: &Blob) -> Result<Image, JsValue> {
    let bitmap = scope().create_image_bitmap_with_blob(file)?;
    let bitmap: ImageBitmap = JsFuture::from(bitmap).await?.unchecked_into();
    let (width, height) = (bitmap.width(), bitmap.height());
    if !(1..=MAX_PIXELS).contains(&(u64::from(width) * u64::from(height))) {
        return Err("more pixels than can be read".into());
    }
    let (_, context) = canvas(width, height)?;
    let [wide, high] = [width, height].map(f64::from);
    context.set_fill_style_str("white");
    context.fill_rect(0.0, 0.0, wide, high);
    context.draw_image_with_image_bitmap(&bitmap, 0.0, 0.0)?;
    bitmap.close();
    let rgba = context.get_image_data(0.0, 0.0, wide, high)?.data();
    let rgb = rgba.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]);
    Ok(Image::new(width, height, rgb.collect()))
}
