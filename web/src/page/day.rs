//! The days of the game, counted from the beginning of 1970.

use web_sys::UrlSearchParams;

/// Milliseconds of a day.
const DAY: f64 = 86_400_000.0;

/// The link to the rounds of a day.
pub(super) fn address(day: u32) -> String {
    let href = web_sys::window().and_then(|window| window.location().href().ok()).unwrap_or_default();
    let page = href.split(['#', '?']).next().unwrap_or_default();
    format!("{page}#game={}", date(day))
}

/// The day that the address names.
pub(super) fn linked() -> Option<u32> {
    let hash = web_sys::window()?.location().hash().ok()?;
    let named = UrlSearchParams::new_with_str(hash.trim_start_matches('#')).ok()?.get("game")?;
    let days = js_sys::Date::parse(&named) / DAY;
    (days >= 0.0 && days <= f64::from(today())).then_some(days as u32)
}

/// Today where the visitor is, in days since the beginning of 1970.
pub(super) fn today() -> u32 {
    let now = js_sys::Date::new_0();
    ((now.get_time() - now.get_timezone_offset() * 60_000.0) / DAY) as u32
}

/// A day as a date: 2026-11-29.
pub(super) fn date(day: u32) -> String {
    let iso = js_sys::Date::new(&(f64::from(day) * DAY).into()).to_iso_string();
    String::from(iso).chars().take(10).collect()
}
