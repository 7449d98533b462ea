//! SVO-Probes (arXiv 2106.09141): one sentence, an image that it is true of and one where its subject, verb or object
//! is another. Images are called after their ids.

use anyhow::Result;
use serde::Deserialize;

use super::{Ask, Benchmark, Item, Skip, is_empty};
use crate::dataset::Folder;
use crate::system::files::table;

#[derive(Deserialize)]
struct Row {
    sentence: String,
    pos_image_id: String,
    neg_image_id: String,
    subj_neg: String,
    verb_neg: String,
    obj_neg: String,
}

/// Reads `svo_probes.csv`.
///
/// # Errors
/// If it is not there or has another form.
pub fn read(folder: &Folder) -> Result<Benchmark> {
    let mut benchmark = Benchmark::default();
    for path in
        folder.need("svo_probes.csv", |name| name.starts_with("svo_probes") && name.ends_with(".csv"))?
    {
        let expected =
            "the columns `sentence`, `pos_image_id`, `neg_image_id`, `subj_neg`, `verb_neg`, `obj_neg`";
        for (idx, row) in table::<Row>(path, expected)?.into_iter().enumerate() {
            let flags = [("subject", &row.subj_neg), ("verb", &row.verb_neg), ("object", &row.obj_neg)];
            let changed = flags.into_iter().find(|(_, flag)| flag.eq_ignore_ascii_case("true"));
            let subset = changed.map_or("unmarked", |(part, _)| part);
            let images = [&row.pos_image_id, &row.neg_image_id].map(|id| folder.image(id));
            let [Some(truth), Some(foil)] = images else {
                benchmark.skip(subset, Skip::MissingImage);
                continue;
            };
            if is_empty(&row.sentence) {
                benchmark.skip(subset, Skip::EmptyCaption);
                continue;
            }
            let images = vec![benchmark.image(truth), benchmark.image(foil)];
            let captions = vec![benchmark.caption(row.sentence.trim())];
            benchmark.push(Item::new(subset, idx), images, captions, Ask::Images);
        }
    }
    Ok(benchmark)
}
