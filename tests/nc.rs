mod support;
#[test]
fn x() {
    support::play("alice is in");
}
