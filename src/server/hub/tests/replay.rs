//! The core depends on its input alone: the same operations in the same order give the same state,
//! the same ids and the same outcomes, regardless of who is connected.

use super::chat::{Chat, PASSWORD};
use super::model::Model;
use super::properties::{LABELS, play, step};
use crate::server::core::{Operation, Outcome, Refused, State};
use proptest::prelude::*;

/// Applies what one instance recorded to a new one, to which nobody ever connected.
fn replay(applied: &[(Operation, Result<Outcome, Refused>)]) -> (State, Model) {
    let mut model = Model::new();
    let mut state = State::new(model.snapshot.clone());
    for (operation, outcome) in applied {
        assert_eq!(state.apply(operation.clone(), &mut model), *outcome, "{operation:?}");
    }
    (state, model)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_operations_give_the_same_state(steps in prop::collection::vec(step(), 1..80)) {
        let mut chat = Chat::new();
        for name in ["ann", "bob", "cyd"] {
            chat.connect(name);
            chat.type_line(name, &format!("/register {name} {PASSWORD}"));
        }
        for label in LABELS.into_iter().filter(|label| label.ends_with('2')) {
            chat.device(label, label.trim_end_matches('2'));
        }
        for step in steps {
            play(&mut chat, step);
        }
        let (state, model) = replay(&chat.hub.applied);
        prop_assert_eq!(&state, &chat.hub.state);
        prop_assert_eq!(model.messages(), chat.model.messages());
        // The second node writes what the first one wrote, too.
        prop_assert_eq!(&State::new(model.snapshot), &State::new(chat.model.snapshot));
    }
}
