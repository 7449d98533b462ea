//! Pictures that the page brings along, by their names.

use shared::concept::Concept;

/// The concept and the seed of a drawn scene called `scene color 17`; nothing for other names.
pub fn scene(name: &str) -> Option<(Concept, u64)> {
    let (concept, seed) = name.strip_prefix("scene ")?.split_once(' ')?;
    let concept = Concept::RENDERED.into_iter().find(|known| known.name() == concept)?;
    Some((concept, seed.parse().ok()?))
}

/// What a drawn scene is called.
pub fn scene_name(concept: Concept, seed: u64) -> String {
    format!("scene {concept} {seed}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenes_are_known_by_their_names() {
        for concept in Concept::RENDERED {
            assert_eq!(scene(&scene_name(concept, 17)), Some((concept, 17)));
        }
        for other in ["coffee.jpg", "scene 1", "scene mood 3", "scene color x", "scene color -1"] {
            assert_eq!(scene(other), None, "{other}");
        }
    }
}
