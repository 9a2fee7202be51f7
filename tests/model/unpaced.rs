//! The settings of a server on which nobody tires of joining, leaving, inviting and saying the same again, since
//! nobody in the model does.

pub(crate) const UNPACED: [&str; 6] = [
    "limits.new_rooms=off",
    "limits.rooms_made=off",
    "limits.joins=off",
    "limits.first_messages=off",
    "limits.invitations=off",
    "limits.repeats=off",
];
