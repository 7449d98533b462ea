//! The benchmarks there are.

use clap::ValueEnum;
use serde::{Deserialize, Deserializer, de};

/// What bundles are scored on; `docs/evaluation.md` says which files each reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// Rendered scenes and their counterfactuals, 2×2 as in Winoground. Needs no file.
    Scenes,
    /// Photographs edited in one place, 2×2: parquet.
    #[value(name = "inpaintcoco", alias = "inpaint-coco")]
    InpaintCoco,
    /// A caption against an edited one, seven subsets: JSON.
    #[value(name = "sugarcrepe", alias = "sugar-crepe")]
    SugarCrepe,
    /// Two captions that say the same against an edited one: JSON.
    #[value(name = "sugarcrepe-pp", alias = "sugar-crepe-pp")]
    SugarCrepePp,
    /// Captions and foils of eleven kinds: JSON.
    Valse,
    /// Visual Genome's relations the wrong way round: JSON.
    AroRelation,
    /// Visual Genome's attributes at the wrong thing: JSON.
    AroAttribution,
    /// Captions in another order: JSON.
    AroOrder,
    /// True and false phrases of objects, attributes and relations: JSON.
    #[value(name = "vl-checklist", alias = "vlchecklist")]
    VlChecklist,
    /// The same words in another order, 2×2: JSON lines.
    Winoground,
    /// SugarCrepe with an image for every negative, 2×2: parquet.
    #[value(name = "bivlc", alias = "bi-vlc")]
    Bivlc,
    /// A sentence and an image with another subject, verb or object: CSV.
    SvoProbes,
    /// The same negatives against reworded captions: JSON.
    HardPositives,
    /// NegCLIP's validation pairs: TSV.
    #[value(name = "negclip", alias = "neg-clip")]
    NegClip,
    /// True and false statements of where two things are: JSON lines.
    Vsr,
    /// Foil's own negatives of your captions: CSV, or COCO's JSON.
    Negatives,
    /// Your own photographs edited by a rule so that a negative becomes true, 2×2: a hue replaced, left and right
    /// exchanged. CSV, or COCO's JSON.
    Edits,
    /// Every caption and every image among all others: COCO's and Flickr's files.
    Retrieval,
    /// Images in folders that are called after their class.
    #[value(name = "zero-shot", alias = "zeroshot")]
    ZeroShot,
}

impl Name {
    /// The name on the command line, in files and in reports.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Name::from_str(&name, false).map_err(|_| de::Error::custom(format!("there is no benchmark {name:?}")))
    }
}
