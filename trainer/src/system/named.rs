//! Options whose values have the names that files have for them.

use serde::de::DeserializeOwned;
use serde::de::value::{Error, StrDeserializer};

/// The value of a name, as serde reads it: what clap calls a value parser.
///
/// # Errors
/// Lists the names that there are.
pub fn named<T: DeserializeOwned>(name: &str) -> Result<T, Error> {
    T::deserialize(StrDeserializer::new(name))
}
