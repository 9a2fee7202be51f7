//! The page: files that are part of the program, compressed once, when the first browser comes.
//!
//! What changes with a version is under a path that changes with it, and is kept by browsers for good.

use super::http::Head;
use super::response::{Body, Response, Status};
use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::sync::LazyLock;

/// What stands in the page in place of the directory of its parts.
const ASSETS: &str = "{assets}";
const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Those with names of their own, which a browser asks about again each time.
const FIXED: [(&str, &str, &str); 3] = [
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("/manifest.webmanifest", "application/manifest+json", include_str!("page/manifest.webmanifest")),
    ("/offline.js", SCRIPT, include_str!("page/offline.js")),
];

/// The parts of the page.
const PARTS: [(&str, &str, &str); 14] = [
    ("app.js", SCRIPT, include_str!("page/app.js")),
    ("chat.js", SCRIPT, include_str!("page/chat.js")),
    ("commands.js", SCRIPT, include_str!("page/commands.js")),
    ("composer.js", SCRIPT, include_str!("page/composer.js")),
    ("connection.js", SCRIPT, include_str!("page/connection.js")),
    ("here.js", SCRIPT, include_str!("page/here.js")),
    ("menus.js", SCRIPT, include_str!("page/menus.js")),
    ("model.js", SCRIPT, include_str!("page/model.js")),
    ("panels.js", SCRIPT, include_str!("page/panels.js")),
    ("places.js", SCRIPT, include_str!("page/places.js")),
    ("style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
    ("text.js", SCRIPT, include_str!("page/text.js")),
    ("view.js", SCRIPT, include_str!("page/view.js")),
    ("wire.js", SCRIPT, include_str!("page/wire.js")),
];

static FILES: LazyLock<Vec<File>> = LazyLock::new(files);

/// A file as it is sent.
struct File {
    path: String,
    kind: &'static str,
    plain: Vec<u8>,
    packed: Vec<u8>,
    /// Whether its path says which version it is.
    is_versioned: bool,
    tag: String,
}

impl File {
    fn new(path: String, kind: &'static str, text: &str, is_versioned: bool) -> Self {
        let tag = format!("\"{}\"", &HEXLOWER.encode(&Sha256::digest(text))[..16]);
        Self { path, kind, plain: text.as_bytes().to_vec(), packed: gzip(text.as_bytes()), is_versioned, tag }
    }
}

/// Empty if it can't be compressed, which a write into memory does not do.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default()
}

fn files() -> Vec<File> {
    let mut digest = Sha256::new();
    for (name, _, text) in PARTS {
        digest.update(name);
        digest.update(text);
    }
    let directory = format!("/{}", &HEXLOWER.encode(&digest.finalize())[..16]);
    let index = include_str!("page/index.html").replace(ASSETS, &directory);
    let index = File::new("/".to_owned(), HTML, &index, false);
    let fixed = FIXED.iter().map(|(path, kind, text)| File::new((*path).to_owned(), kind, text, false));
    let parts = PARTS.iter().map(|(name, kind, text)| File::new(format!("{directory}/{name}"), kind, text, true));
    std::iter::once(index).chain(fixed).chain(parts).collect()
}

/// The file with this path; `None` if there is none.
#[must_use]
pub(super) fn file(head: &Head) -> Option<Response> {
    let file = FILES.iter().find(|file| file.path == head.path)?;
    let cache = if file.is_versioned { "public, max-age=31536000, immutable" } else { "no-cache" };
    let response = |status, body| {
        Response { status, fields: Vec::new(), body }
            .with("Cache-Control", cache)
            .with("ETag", file.tag.clone())
            .with("Vary", "Accept-Encoding")
    };
    if head.if_none_match.as_ref().is_some_and(|tags| tags.contains(&file.tag)) {
        return Some(response(Status::NotModified, Body::None));
    }
    Some(if head.takes_gzip && !file.packed.is_empty() {
        response(Status::Ok, Body::File(file.kind, &file.packed)).with("Content-Encoding", "gzip")
    } else {
        response(Status::Ok, Body::File(file.kind, &file.plain))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small_and_names_parts_that_are_there() {
        let packed: usize = FILES.iter().map(|file| file.packed.len()).sum();
        assert!(packed < 60 * 1024, "{packed} bytes");
        let index = String::from_utf8(FILES[0].plain.clone()).unwrap();
        let named: Vec<&str> = index.split(['"']).filter(|word| word.starts_with('/') && word.len() > 1).collect();
        assert!(named.len() >= 4);
        for path in named {
            assert!(FILES.iter().any(|file| file.path == path), "{path}");
        }
        for (name, _, text) in PARTS {
            for imported in text.split("from \"./").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(PARTS.iter().any(|(part, _, _)| *part == imported), "{name} imports {imported}");
            }
        }
    }

    #[test]
    fn nothing_that_people_wrote_can_become_markup() {
        for (name, _, text) in PARTS {
            for way in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc"]
            {
                assert!(!text.contains(way), "{name} uses {way}");
            }
        }
        let index = include_str!("page/index.html");
        assert!(
            !index.contains(" style=") && !index.contains(" on") || !index.contains(" onclick"),
            "the policy forbids it"
        );
    }
}
