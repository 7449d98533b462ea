//! Images and captions as they lie in files. Nothing else in the trainer knows how they are read.

pub mod caption_file;
mod caption_table;
pub mod captions;
pub mod challenge_set_file;
pub mod corpus;
pub mod folder;
pub mod image_edit;
pub mod image_names;
pub mod image_source;
pub mod images;
pub mod instances;
pub mod outlines;
pub mod parquet_rows;
pub mod perceptual_hash;
mod python_strings;
pub mod record;
pub mod scene_pairs;
pub mod shards;
pub mod split;
pub mod text_pairs;

pub use captions::Captions;
pub use corpus::Corpus;
pub use folder::Folder;
pub use image_source::ImageSource;
pub use record::{Annotation, Record};
pub use split::Split;
