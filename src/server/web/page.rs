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
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Those with names of their own, which a browser asks about again each time.
const FIXED: [(&str, &str, &[u8]); 5] = [
    ("/icon.svg", "image/svg+xml", include_bytes!("page/icon.svg")),
    ("/icon-192.png", "image/png", include_bytes!("page/icon-192.png")),
    ("/icon-512.png", "image/png", include_bytes!("page/icon-512.png")),
    ("/manifest.webmanifest", "application/manifest+json", include_bytes!("page/manifest.webmanifest")),
    ("/offline.js", SCRIPT, include_bytes!("page/offline.js")),
];

/// The parts of the page.
const PARTS: [(&str, &str, &str); 22] = [
    ("app.js", SCRIPT, include_str!("page/app.js")),
    ("attention.js", SCRIPT, include_str!("page/attention.js")),
    ("chat.css", STYLE, include_str!("page/chat.css")),
    ("chat.js", SCRIPT, include_str!("page/chat.js")),
    ("commands.js", SCRIPT, include_str!("page/commands.js")),
    ("composer.js", SCRIPT, include_str!("page/composer.js")),
    ("connection.js", SCRIPT, include_str!("page/connection.js")),
    ("dialogs.js", SCRIPT, include_str!("page/dialogs.js")),
    ("entrance.js", SCRIPT, include_str!("page/entrance.js")),
    ("help.js", SCRIPT, include_str!("page/help.js")),
    ("here.js", SCRIPT, include_str!("page/here.js")),
    ("hooks.js", SCRIPT, include_str!("page/hooks.js")),
    ("keep.js", SCRIPT, include_str!("page/keep.js")),
    ("menus.js", SCRIPT, include_str!("page/menus.js")),
    ("model.js", SCRIPT, include_str!("page/model.js")),
    ("panels.js", SCRIPT, include_str!("page/panels.js")),
    ("places.js", SCRIPT, include_str!("page/places.js")),
    ("style.css", STYLE, include_str!("page/style.css")),
    ("suggest.js", SCRIPT, include_str!("page/suggest.js")),
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
    fn new(path: String, kind: &'static str, bytes: &[u8], is_versioned: bool) -> Self {
        let tag = format!("\"{}\"", &HEXLOWER.encode(&Sha256::digest(bytes))[..16]);
        Self { path, kind, plain: bytes.to_vec(), packed: gzip(bytes), is_versioned, tag }
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
    let index = File::new("/".to_owned(), HTML, index.as_bytes(), false);
    let fixed = FIXED.iter().map(|(path, kind, bytes)| File::new((*path).to_owned(), kind, bytes, false));
    let parts =
        PARTS.iter().map(|(name, kind, text)| File::new(format!("{directory}/{name}"), kind, text.as_bytes(), true));
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
