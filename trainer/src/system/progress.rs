//! The bar of work that is counted.

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts to `length`, in words of what is done to each.
///
/// # Errors
/// If the words are no template.
pub fn bar(length: usize, done: &str) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template(&format!(
        "{{bar:30}} {{pos}}/{{len}} {done}, {{per_sec}}, {{eta}} left"
    ))?;
    Ok(ProgressBar::new(length as u64).with_style(style))
}
