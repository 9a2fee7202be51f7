use super::*;
use proptest::prelude::*;

fn said(head: &str, text: &str) -> StyledLine {
    let mut draft = StyledLine::default();
    draft.put(Look::Plain, head).put_text(Look::Plain, text);
    draft
}

fn rows(text: &str, columns: usize) -> Vec<String> {
    said("10:10 bob: ", text).rows(Some(columns), Paint::Plain)
}

#[test]
fn lines_wrap_between_words_and_go_on_below_the_text() {
    assert_eq!(rows("hello", 40), ["10:10 bob: hello"]);
    assert_eq!(
        rows("the pump in the second cellar is leaking again", 40),
        ["10:10 bob: the pump in the second cellar", "           is leaking again"]
    );
    let one_row = said("10:10 bob: ", &"word ".repeat(40)).rows(None, Paint::Plain);
    assert_eq!(one_row, [format!("10:10 bob: {}", "word ".repeat(40))], "how wide the terminal is is not known");
    // A long name leaves two thirds of the width for the text.
    assert_eq!(
        said("10:10 somebody-with-a-long-name: ", "some words to be read").rows(Some(40), Paint::Plain),
        ["10:10 somebody-with-a-long-name: some", "             words to be read"]
    );
}

#[test]
fn a_text_can_not_look_like_a_line_of_somebody_elses() {
    let padded = format!("ok{}10:11 alice: I agree", " ".repeat(67));
    assert_eq!(rows(&padded, 80), ["10:10 bob: ok", "           10:11 alice: I agree"]);
    let padded = format!("ok{}10:11 alice: I agree", "\u{a0}".repeat(67));
    assert_eq!(rows(&padded, 80), ["10:10 bob: ok", "           10:11 alice: I agree"]);
    let padded = format!("ok{}10:11\u{2800}alice", "\u{2800}".repeat(67));
    assert!(rows(&padded, 80)[1].starts_with("           "), "a blank that is no white space");
}

#[test]
fn what_is_longer_than_a_line_is_parted_unless_it_is_an_address() {
    assert_eq!(
        rows(&"0123456789".repeat(5), 40),
        ["10:10 bob: 01234567890123456789012345678", "           901234567890123456789"]
    );
    let address = format!("https://example.org/{}", "a".repeat(40));
    assert_eq!(
        rows(&format!("see {address} for more"), 40),
        ["10:10 bob: see".to_owned(), format!("           {address}"), "           for more".to_owned()]
    );
}

#[test]
fn wide_characters_take_two_columns_and_scripts_without_blanks_wrap() {
    assert_eq!(width("漢字"), 4);
    assert_eq!(width("e\u{301}\u{200b}"), 1);
    assert_eq!(
        rows("水泵又漏水了、請大家今天不要使用地下室的水龍頭。", 40),
        ["10:10 bob: 水泵又漏水了、請大家今天不要", "           使用地下室的水龍頭。"]
    );
    // A closing mark does not begin a row, and Korean has blanks.
    assert_eq!(rows("一二三四五六七八九十一二三四。", 40)[1], "           四。");
    assert_eq!(rows("지하실의 펌프가 다시 새고 있습니다 여러분", 40)[1], "           있습니다 여러분");
    assert_eq!(cut("漢字漢字", 6), "漢字…");
    assert_eq!(cut("hello there", 7), "hello…");
    assert_eq!(cut("hello", 5), "hello");
}

#[test]
fn tabs_become_blanks() {
    assert_eq!(rows("a\tb\t\tc", 80), ["10:10 bob: a       b               c"]);
}

#[test]
fn each_row_has_its_own_colours() {
    let mut draft = StyledLine::default();
    draft.put(Look::Faint, "10:10 ").put(Look::Own, "bob").put_text(Look::Faint, ": some words that are wrapped");
    assert_eq!(
        draft.rows(Some(30), Paint::Colour),
        [
            "\x1b[38;5;243m10:10 \x1b[0m\x1b[1mbob\x1b[0m\x1b[38;5;243m: some words that are\x1b[0m",
            "         \x1b[38;5;243mwrapped\x1b[0m"
        ]
    );
}

#[test]
fn only_quotations_that_need_it_are_isolated() {
    assert_eq!(quoted("so \"it\" is"), "\"so 'it' is\"");
    assert_eq!(quoted("שלום 12"), "\"\u{2068}שלום 12\u{2069}\"");
    assert_eq!(width(&quoted("שלום")), 6);
}

#[test]
fn what_is_isolated_is_isolated_in_each_of_its_rows() {
    let quotation = quoted("שלום לכולם, המשאבה במרתף השני שוב דולפת");
    let line = said("10:10 ", &format!("bob (re carol: {quotation}): 12?"));
    assert_eq!(
        line.rows(Some(40), Paint::Plain),
        [
            "10:10 bob (re carol: \"\u{2068}שלום לכולם, המשאבה\u{2069}",
            "      \u{2068}במרתף השני שוב דולפת\u{2069}\"): 12?",
        ]
    );
}

#[test]
fn sentences_wrap_between_words_and_what_is_to_be_copied_stays() {
    let text = "Compare it with what its operator sees:\n  SHA256:0011223344556677889900112233445566\nTrust it? [y/N] ";
    assert_eq!(
        sentences(text, Some(32)),
        "Compare it with what its\noperator sees:\n  SHA256:0011223344556677889900112233445566\nTrust it? [y/N] "
    );
    assert_eq!(
        sentences("Your name here, or Enter if you are new: ", Some(40)),
        "Your name here, or Enter if you are new: "
    );
    assert_eq!(
        sentences("Your name here, or Enter if you are new: ", Some(36)),
        "Your name here, or Enter if you are\nnew: "
    );
    assert_eq!(sentences("a \u{1b}[2J", None), "a \u{fffd}[2J");
}

/// Texts of what makes layouts hard: blanks, wide and combining characters, joined emoji, addresses.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ \t\u{a0}\u{3000}]{1,60}",
        "[a-z0-9]{1,50}",
        "[漢字かな、。「」가나]{1,40}",
        "[a\u{301}\u{200b}\u{200d}👍🏽👩🇩🇪ש]{1,20}",
        "https://[a-z/]{1,80}",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_row_is_wider_than_the_terminal_and_no_text_is_lost(text in texts(), columns in 30_usize..120) {
        let rows = rows(&text, columns);
        for (position, row) in rows.iter().enumerate() {
            prop_assert!(row.contains("://") || width(row) <= columns, "{row:?}");
            prop_assert!(position == 0 || row.starts_with(&" ".repeat(INDENT_MIN)), "{row:?}");
        }
        let visible = |text: &str| text.split_whitespace().collect::<String>();
        prop_assert_eq!(visible(&rows.concat()), visible(&format!("10:10 bob: {text}")));
    }

    #[test]
    fn a_cut_text_fits(text in texts(), columns in 2_usize..60) {
        let cut = cut(&text, columns);
        prop_assert!(width(&cut) <= columns);
        prop_assert!(cut == text || cut.ends_with('…'));
    }
}
