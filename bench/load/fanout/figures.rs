//! The figures of a fan-out: what happened between two moments, for each delivery.

use super::{Fanout, Moment};
use crate::histogram::Histogram;
use crate::options::Options;
use crate::report::Report;
use crate::wire::Protocol;

/// Adds what was measured between two moments.
pub(super) fn add(
    options: &Options,
    fanout: &Fanout,
    histogram: &Histogram,
    (before, after): (&Moment, &Moment),
    peak: f64,
    report: &mut Report,
) {
    let deliveries = (after.deliveries - before.deliveries) as f64;
    let seconds = (after.at - before.at).as_secs_f64();
    let micros = |cpu: f64| cpu * 1e6 / deliveries;
    let mut shape = format!("{}x{} S{}", options.rooms, options.members, options.senders);
    match options.rate {
        Some(rate) => shape.push_str(&format!(" {rate}/s")),
        None => shape.push_str(&format!(" W{}", options.window)),
    }
    report.text("shape", &shape);
    if options.protocol == Protocol::Chitchat {
        report.text("acknowledged", if options.acknowledged { "yes" } else { "no" });
    }
    report.text("deflate", if options.deflate { "on" } else { "off" });
    report.number("text_bytes", f64::from(options.text_bytes));
    report.number("seconds", seconds);
    report.number("deliveries_per_s", deliveries / seconds);
    if options.pid.is_some() {
        report.number("server_us_per_delivery", micros(after.server.cpu - before.server.cpu));
        report.number("server_cpu_percent", (after.server.cpu - before.server.cpu) * 100.0 / seconds);
        let switches = after.server.switches - before.server.switches;
        report.number("server_switches_per_1000_deliveries", switches * 1e3 / deliveries);
        report.number("server_rss_kb", after.server.rss);
    }
    report.number("own_us_per_delivery", micros(after.own - before.own));
    report.number("p50_ms", histogram.quantile_ms(0.5));
    report.number("p99_ms", histogram.quantile_ms(0.99));
    report.number("p999_ms", histogram.quantile_ms(0.999));
    if options.rate.is_some() {
        report.number("own_lag_p99_ms", fanout.lag.quantile_ms(0.99));
    }
    report.number("deliveries_per_read", deliveries / (after.reads - before.reads) as f64);
    report.number("bytes_per_delivery", (after.bytes - before.bytes) as f64 / deliveries);
    if options.slow > 0 && options.pid.is_some() {
        report.number("server_rss_peak_growth_kb", (peak - before.server.rss).max(0.0));
    }
}
