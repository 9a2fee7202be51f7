//! What `fuzz/` reaches of the store's inside.

use super::index::words::{Query, normalise};

/// See [`crate::server::fuzzing::words`].
pub(in crate::server) fn words(text: &str) {
    let mut normal = String::new();
    normalise(text, &mut normal);
    assert!(normal.starts_with(' ') && normal.ends_with(' ') && !normal.contains("  "), "{normal:?}");
    if let Some(query) = Query::parse(text) {
        assert!(query.is_in(&normal), "{text:?} is not found in itself");
    }
    let mut again = String::new();
    normalise(&normal, &mut again);
    assert_eq!(again, normal, "what is normal stays as it is");
}
