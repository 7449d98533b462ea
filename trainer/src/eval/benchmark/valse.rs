//! VALSE (arXiv 2112.07566): items by name, each with a caption, a foil and the votes of three people. As its authors
//! do, items count only where at least two of them took the caption for the true one.

use anyhow::Result;

use super::{Benchmark, Item, Skip};
use crate::dataset::Folder;
use crate::dataset::text_pairs::valse::{contests, is_piece};
use crate::system::files::stem;

/// Reads VALSE's eleven files, or those of them that are there.
///
/// # Errors
/// If none is there, or one has another form.
pub fn read(folder: &Folder) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    for path in folder.need("VALSE file such as existence.json", is_piece)? {
        let subset = stem(path);
        for (key, contest) in contests(path)? {
            if !contest.is_confirmed {
                benchmark.skip(&subset, Skip::Unconfirmed);
                continue;
            }
            let Some(foil) = contest.foil else {
                benchmark.skip(&subset, Skip::EmptyCaption);
                continue;
            };
            let image = folder.image(&contest.image);
            benchmark.add_contest(Item::new(&subset, key), image, &[&contest.caption], &[&foil]);
        }
    }
    Ok(benchmark)
}
