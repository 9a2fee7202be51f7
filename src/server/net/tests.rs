//! A real worker between sockets and a dispatcher that the test plays: it decides what is answered
//! and when, so that tests can try every order.

mod input;
mod leaving;
mod server;
