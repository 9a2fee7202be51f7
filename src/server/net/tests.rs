//! A real worker between sockets and a dispatcher that the test plays: it decides what is answered
//! and when, so that every order can be tried.

mod crowd;
mod hooks;
mod ignoring;
mod input;
mod leaving;
mod server;
