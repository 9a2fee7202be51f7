use super::*;

#[test]
fn a_span_has_one_of_four_units_and_bounds() {
    for (typed, seconds) in [("30s", 30), ("10m", 600), ("24h", 86_400), ("7d", 604_800), ("365d", 31_536_000)] {
        assert_eq!(duration(typed).unwrap(), Duration::from_secs(seconds), "{typed}");
    }
    for wrong in ["", "m", "0m", "10", "10w", "-1s", "366d", "8761h", "99999999999s"] {
        assert_eq!(duration(wrong).unwrap_err().code, Code::BadArgument, "{wrong}");
    }
}

#[test]
fn a_switch_is_on_or_off() {
    let switch = |typed: &str| Args::new(typed, &[]).switch("on or off").map_err(|refusal| refusal.code);
    assert_eq!((switch("on"), switch("off")), (Ok(true), Ok(false)));
    for wrong in ["ON", "yes", ""] {
        assert!(switch(wrong).is_err(), "{wrong}");
    }
}
