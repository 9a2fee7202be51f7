//! How long a wrong password takes says nothing about whether the account exists.

use crate::support::{Client, Server};
use std::time::{Duration, Instant};

const TRIES: usize = 150;
/// Below this, two samples are taken to differ. The test fails if they differ three times in a row, which is by
/// chance once in a million runs.
const SIGNIFICANT: f64 = 0.01;

#[test]
fn an_unknown_name_takes_as_long_as_a_known_one() {
    let server = Server::with(&["accounts.bcrypt_cost=6"]);
    let mut alice = server.connect();
    alice.register("alice");
    let mut client = server.connect();
    let mut seen = Vec::new();
    for round in 0..3 {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for number in 0..TRIES {
            let nobody = format!("nobody{round}x{number}");
            // Which is first must not matter either.
            if number % 2 == 0 {
                known.push(wrong(&mut client, "alice"));
            }
            unknown.push(wrong(&mut client, &nobody));
            if number % 2 == 1 {
                known.push(wrong(&mut client, "alice"));
            }
        }
        let p = mann_whitney(&known, &unknown);
        // The measure itself must see a tenth more.
        let slower: Vec<Duration> = known.iter().map(|took| took.mul_f64(1.1)).collect();
        let control = mann_whitney(&slower, &known);
        println!("known {:?}, unknown {:?} (medians): p = {p:.3}", median(&known), median(&unknown));
        println!("known against a tenth more: p = {control:.2e}");
        seen.push(p);
        if p > SIGNIFICANT {
            return;
        }
    }
    panic!("whether an account exists shows in the time of a login: p = {seen:?}");
}

fn wrong(client: &mut Client, name: &str) -> Duration {
    let began = Instant::now();
    client.send(&format!("/login {name} wrong horse battery"));
    client.expect("- bad-credentials: …");
    began.elapsed()
}

fn median(sample: &[Duration]) -> Duration {
    let mut sorted = sample.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

/// How likely two samples of one distribution differ as much as these, by the normal approximation of the
/// Mann–Whitney U test.
fn mann_whitney(one: &[Duration], other: &[Duration]) -> f64 {
    let (n, m) = (one.len() as f64, other.len() as f64);
    let wins: f64 = one
        .iter()
        .flat_map(|a| other.iter().map(move |b| a.cmp(b)))
        .map(|order| match order {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        })
        .sum();
    let z = (wins - n * m / 2.0).abs() / (n * m * (n + m + 1.0) / 12.0).sqrt();
    two_sided(z)
}

/// The normal distribution's two tails beyond `z` (Abramowitz and Stegun 26.2.17, to seven digits).
fn two_sided(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let series =
        t * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    2.0 * series * (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

#[test]
fn the_test_of_two_samples_sees_a_shift_and_no_difference_where_there_is_none() {
    let sample = |shift: u64| -> Vec<Duration> {
        (0..150u64).map(|n| Duration::from_micros(1000 + n * 7919 % 997 + shift)).collect()
    };
    assert!(mann_whitney(&sample(0), &sample(3)) > 0.5);
    assert!(mann_whitney(&sample(0), &sample(200)) < 1e-6);
    assert!((two_sided(1.959_964) - 0.05).abs() < 1e-5);
}
