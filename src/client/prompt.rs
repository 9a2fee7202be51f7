//! What the prompt says: the current conversation, and where else there is news.
//!
//! Pure. `[lobby] 1+1@ kitchen, 2 ops > `: in kitchen one line and one mention are unread, in ops two lines. Direct
//! messages and mentions come first, and what does not fit is counted.

use super::line_editor::width_of;
use super::place::{News, Place};
use crate::protocol::names::Target;
use unicode_segmentation::UnicodeSegmentation as _;

/// The prompt, at most half as wide as the terminal, so that there is room for the line.
#[must_use]
pub(super) fn prompt(place: &Place, columns: usize) -> String {
    let most = columns / 2;
    let Some(current) = &place.current else { return with_news("(no room)".to_owned(), &place.elsewhere, most) };
    let mut name = current.to_string();
    while width_of(&name) + "[] ".len() > most.max(8) {
        let Some((last, _)) = name.trim_end_matches('…').grapheme_indices(true).next_back() else { break };
        name.truncate(last);
        name.push('…');
    }
    with_news(format!("[{name}]"), &place.elsewhere, most)
}

fn with_news(mut prompt: String, news: &[News], most: usize) -> String {
    let mut news: Vec<&News> = news.iter().filter(|news| news.unread > 0 || news.mentions > 0).collect();
    // The sort is stable: otherwise they stay in the order of the keys that go there.
    news.sort_by_key(|news| news.mentions == 0 && matches!(news.target, Target::Room(_)));
    for (shown, one) in news.iter().enumerate() {
        let text = format!("{}{}", if shown == 0 { " " } else { ", " }, counted(one));
        let left = news.len() - shown - 1;
        let rest = if left == 0 { String::new() } else { format!(", +{left}") };
        if width_of(&prompt) + width_of(&text) + rest.len() + " > ".len() > most {
            prompt.push_str(&format!("{}+{}", if shown == 0 { " " } else { ", " }, left + 1));
            break;
        }
        prompt.push_str(&text);
    }
    prompt.push_str(if news.is_empty() { " " } else { " > " });
    prompt
}

fn counted(news: &News) -> String {
    let lines = news.unread.saturating_sub(news.mentions);
    match (lines, news.mentions) {
        (lines, 0) => format!("{lines} {}", news.target),
        (0, mentions) => format!("{mentions}@ {}", news.target),
        (lines, mentions) => format!("{lines}+{mentions}@ {}", news.target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(current: &str, elsewhere: &[(&str, u64, u64)]) -> Place {
        let news = |&(target, unread, mentions): &(&str, u64, u64)| News {
            target: Target::parse(target).unwrap(),
            unread,
            mentions,
        };
        Place { current: Target::parse(current).ok(), elsewhere: elsewhere.iter().map(news).collect() }
    }

    #[test]
    fn the_prompt_names_the_conversation_and_counts_what_is_elsewhere() {
        let at = |current: &str, elsewhere: &[_]| prompt(&place(current, elsewhere), 80);
        assert_eq!(at("lobby", &[]), "[lobby] ");
        assert_eq!(at("@bob", &[("ops", 2, 0)]), "[@bob] 2 ops > ");
        assert_eq!(at("", &[("ops", 0, 0)]), "(no room) ");
        let news = [("kitchen", 2, 1), ("ops", 2, 0), ("pumps", 1, 1), ("@carol", 3, 0)];
        assert_eq!(at("lobby", &news), "[lobby] 1+1@ kitchen, 1@ pumps, +2 > ");
        assert_eq!(prompt(&place("lobby", &news), 200), "[lobby] 1+1@ kitchen, 1@ pumps, 3 @carol, 2 ops > ");
    }

    #[test]
    fn in_a_narrow_terminal_it_is_cut() {
        let news = [("kitchen", 2, 1), ("ops", 2, 0)];
        assert_eq!(prompt(&place("lobby", &news), 40), "[lobby] +2 > ");
        assert_eq!(prompt(&place("lobby", &news[1..]), 40), "[lobby] 2 ops > ");
        let long = prompt(&place("a-room-with-a-very-long-name", &news), 40);
        assert_eq!(long, "[a-room-with-a-ve…] +2 > ");
        for columns in 2..60 {
            assert!(width_of(&prompt(&place("a-room-with-a-very-long-name", &news), columns)) <= columns.max(30));
        }
    }
}
