//! The most telling items, with their images made small and written into the page.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use libjpeg_turbo_rs::{PixelFormat, Subsampling, compress};
use shared::difference::exchanged_spans;
use shared::resize::within;

use super::put;
use crate::dataset::ImageSource;
use crate::eval::benchmark::Benchmark;
use crate::eval::terms::Hard;
use shared::html::{Marked, Text};

/// The longer side of a thumbnail in pixels.
const SIDE: u32 = 224;

/// The JPEG quality of a thumbnail, of 100.
const QUALITY: u8 = 75;

/// Lists items; nothing if there are none.
pub fn items(page: &mut String, heading: &str, items: &[Hard], images: Option<&Benchmark>) {
    if items.is_empty() {
        return;
    }
    put(page, format_args!("<h3>{heading}</h3>\n<ul class=\"gallery\">\n"));
    for item in items {
        *page += "<li>";
        if let Some(benchmark) = images {
            *page += "<div class=\"images\">";
            for source in item.images.iter().map(|id| &benchmark.images[*id]) {
                // An image that has gone meanwhile is shown as its name.
                let data = thumbnail(source).unwrap_or_default();
                put(page, format_args!("<img alt=\"{}\" src=\"{data}\">", Text(&source.name())));
            }
            *page += "</div>";
        }
        *page += "<div class=\"words\">";
        captions(page, item);
        put(
            page,
            format_args!("<p class=\"soft\">{}; lead {:+.3}</p></div></li>\n", Text(&item.id), item.margin),
        );
    }
    *page += "</ul>\n";
}

/// The captions, with the words marked in which the first true one and the first false one differ.
fn captions(page: &mut String, item: &Hard) {
    let foil = item.n_true;
    let spans = item.captions.get(foil).map(|negative| exchanged_spans(&item.captions[0], negative));
    for (nth, caption) in item.captions.iter().enumerate() {
        let class = if nth < foil { "true" } else { "false" };
        put(page, format_args!("<p class=\"{class}\">"));
        match &spans {
            Some([span, _]) if nth == 0 => put(page, format_args!("{}", Marked(caption, span.clone()))),
            Some([_, span]) if nth == foil => put(page, format_args!("{}", Marked(caption, span.clone()))),
            _ => put(page, format_args!("{}", Text(caption))),
        }
        *page += "</p>";
    }
}

/// An image as the address of a small JPEG.
fn thumbnail(source: &ImageSource) -> Option<String> {
    let image = source.image().ok()?;
    let small = within(&image, SIDE);
    let (width, height) = (small.width() as usize, small.height() as usize);
    let file = compress(small.rgb(), width, height, PixelFormat::Rgb, QUALITY, Subsampling::S420).ok()?;
    Some(format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(file)))
}
