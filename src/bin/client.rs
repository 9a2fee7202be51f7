//! `chitchat`, the client.

fn main() {}
