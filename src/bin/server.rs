//! `chitchatd`, the server: reads its arguments and does what they ask.
//!
//! Everything that concerns the process is here: its output, its signals, and how it ends.

use ::log::Level;
use chitchat::server::backup;
use chitchat::server::config::{Config, Environment, Sources, raise_open_files};
use chitchat::server::operator::check::{Severity, check};
use chitchat::server::operator::cli::{self, CliError, Invocation};
use chitchat::server::operator::console::ConsoleError;
use chitchat::server::operator::status::{self, Status};
use chitchat::server::operator::{console, json, log, one_line, settings, startup, tls};
use chitchat::server::running::Running;
use chitchat::server::{PassedSockets, Reloader, Server, ServerError, ServiceManager, Stopper, transfer};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fmt::Display;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// Exit code of a run that failed.
const FAILED: u8 = 1;
/// Exit code if the command line or the settings are wrong; nothing was started.
const MISUSED: u8 = 2;
/// Exit code if the running server refused what it was asked.
const REFUSED: u8 = 3;
/// Exit code if no server runs on the data directory.
const NOT_RUNNING: u8 = 4;

/// Exit code of a check that found warnings, and no error.
const WARNED: u8 = 5;

/// After SIGTERM or SIGINT the process ends within this time, whatever hangs.
const STOP_WITHIN: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    log::start();
    let invocation = match cli::parse(std::env::args_os(), &Environment::of_process()) {
        Ok(invocation) => invocation,
        Err(CliError::Help(text)) => return print(&format!("{text}\n")),
        Err(error) => {
            // How a command is used takes several lines.
            print_error(&format!("{}chitchatd: {error}\n", log::prefix(Level::Error)));
            return ExitCode::from(MISUSED);
        }
    };
    match invocation {
        Invocation::Serve { config, sources } => serve(&config, *sources).unwrap_or_else(|error| failed(&error)),
        Invocation::Ask { config, request, json } => match request.ask(&config.data) {
            Ok(answer) if json => print(&request.print_json(&answer)),
            Ok(answer) => {
                let (out, aside) = request.print(&answer);
                print_error(&aside);
                print(&out)
            }
            Err(error) => not_asked(&error, json),
        },
        Invocation::Invite { config, request, json } => match console::invite(&config.data, &request) {
            Ok(invitation) if json => print(&invitation.json()),
            Ok(invitation) => {
                // This command's own settings are the second best answer.
                let server = Running::read(&config.data).unwrap_or_else(|| {
                    let Config { name, tls, plain, .. } = *config;
                    Running::here(name, tls, plain)
                });
                let text = invitation.how_to_use(&server);
                if io::stdout().is_terminal() {
                    return print(&text);
                }
                // For scripts, the code stands alone.
                print_error(&text);
                print(&format!("{}\n", invitation.code))
            }
            Err(error) => not_asked(&error, json),
        },
        Invocation::Status { config, json } => match Status::ask(&config.data) {
            Ok(status) if json => print(&status.json()),
            Ok(status) => print(&status.text(jiff::Timestamp::now())),
            Err(error) => not_asked(&error, json),
        },
        Invocation::Health { config, json } => health(&config, json),
        Invocation::Check { sources, json } => show_check(&sources, json),
        Invocation::Backup { config, to } => match backup::back_up(&config.data, &to) {
            // Standard output may be the backup.
            Ok(made) => {
                print_error(&made.to_string());
                if let Err(error) = backup::note_last(&config.data, &to, &made) {
                    let file = config.data.join(backup::LAST_BACKUP_FILE);
                    let text = format!("the backup is good, but {} can't be written: {error}", file.display());
                    warn(&[text]);
                }
                ExitCode::SUCCESS
            }
            Err(error) => failed(&error),
        },
        Invocation::Restore { config, from, erasures } => {
            match backup::restore(&from, erasures.as_deref(), &config.data) {
                Ok(restored) => print(&restored.describe(&config.data)),
                Err(error) => failed(&error),
            }
        }
        Invocation::Erasures { config, to } => match backup::note_erasures(&config.data, to.as_deref()) {
            Ok(entries) => {
                let of = to.map_or(String::new(), |path| format!("{} has ", path.display()));
                print_error(&format!("{of}{entries} {}\n", if entries == 1 { "entry" } else { "entries" }));
                ExitCode::SUCCESS
            }
            Err(error) => failed(&error),
        },
        Invocation::Export { config, what, form, to } => {
            match transfer::export(&config.data, &what, form, to.as_deref()) {
                Ok(messages) => {
                    let to = to.map_or(String::new(), |path| format!("{}: ", path.display()));
                    print_error(&format!("{to}{messages} {}\n", if messages == 1 { "message" } else { "messages" }));
                    ExitCode::SUCCESS
                }
                Err(error) => failed(&error),
            }
        }
        Invocation::Import { config, from, room } => match transfer::import(&config.data, from.as_deref(), room) {
            Ok(imported) => print(&format!("{imported}\n")),
            Err(error) => failed(&error),
        },
        Invocation::Verify(from) => match backup::verify(&from) {
            Ok(manifest) => print(&format!("{}\n", manifest.describe())),
            Err(error) => failed(&error),
        },
        Invocation::ShowTls { config, json } => show_tls(&config, json),
        Invocation::ImportTls { config, directory, json } => import_tls(&config, &directory, json),
        Invocation::PrintConfig => print(Config::example()),
        Invocation::CheckConfig { config, file, json: true } => {
            print(&settings::good_json(file.as_deref(), &config.warnings))
        }
        Invocation::CheckConfig { config, file, json: false } => {
            warn(&config.warnings);
            print(&settings::good(file.as_deref()))
        }
        Invocation::ShowConfig { settings, json: true } => print(&settings::show_json(&settings)),
        Invocation::ShowConfig { settings, json: false } => print(&settings::show(&settings)),
    }
}

/// Says whether the server is well. Nothing but the exit code says so, unless it is not, or JSON is wanted.
fn health(config: &Config, json: bool) -> ExitCode {
    let asked = Status::ask(&config.data);
    let problem = asked.as_ref().map_or_else(|error| Some(error.to_string()), Status::problem);
    let printed = if json { print(&status::health_json(problem.as_deref())) } else { ExitCode::SUCCESS };
    match problem {
        Some(problem) => failed(&problem),
        None => printed,
    }
}

/// Prints what is wrong, if anything is; the exit code says how bad it is.
fn show_check(sources: &Sources, json: bool) -> ExitCode {
    let report = check(sources, jiff::Timestamp::now());
    let printed = print(&if json { report.json() } else { report.text() });
    match report.worst() {
        Severity::Good => printed,
        Severity::Warning => ExitCode::from(WARNED),
        Severity::Error => ExitCode::from(FAILED),
    }
}

/// Prints what the certificate says; fails if a server could not serve it.
fn show_tls(config: &Config, json: bool) -> ExitCode {
    let now = jiff::Timestamp::now();
    let shown = match tls::Shown::read(config, now) {
        Ok(shown) => shown,
        Err(error) => return failed(&error),
    };
    if !json {
        warn(shown.warnings());
    }
    let printed = print(&if json { shown.json(now) } else { shown.text(now) });
    if shown.is_usable() { printed } else { ExitCode::from(FAILED) }
}

/// Imports a certificate, and has the running server use it.
fn import_tls(config: &Config, directory: &Path, json: bool) -> ExitCode {
    let now = jiff::Timestamp::now();
    let identity = match tls::import(config, directory, now) {
        Ok(identity) => identity,
        Err(error @ tls::TlsError::Set { .. }) => {
            failed(&error);
            return ExitCode::from(MISUSED);
        }
        Err(error) => return failed(&error),
    };
    let is_running = match console::ask(&config.data, "/reload") {
        Ok(_) => true,
        Err(ConsoleError::NotRunning { .. }) => false,
        Err(error) => return not_asked(&error, json),
    };
    if json {
        return print(&tls::imported_json(&identity, now, is_running));
    }
    warn(&identity.warnings(now));
    if io::stdout().is_terminal() {
        print_error(&tls::hook(&config.data));
    }
    print(&tls::imported(&identity, now, is_running))
}

/// Opens the server, says how to connect to it, and serves until a signal.
fn serve(config: &Config, sources: Sources) -> Result<ExitCode, ServerError> {
    warn(&config.warnings);
    raise_open_files();
    // Before there is a second thread.
    let sockets = PassedSockets::of_process()?;
    // Signals first: one that arrives while the server opens stops it as soon as it serves.
    let handles = match obey_signals() {
        Ok(handles) => handles,
        Err(error) => return Ok(failed(&format!("can't wait for signals: {error}"))),
    };
    let mut server = Server::open_on(config, sockets)?;
    server.set_sources(sources);
    server.set_service_manager(ServiceManager::of_process());
    warn(server.warnings());
    let at_terminal = io::stdout().is_terminal();
    let invitation = if at_terminal && !server.has_administrator() { Some(server.first_invitation()?) } else { None };
    // The server also serves if nobody reads its output.
    let _ = write(io::stdout(), &startup::message(&server, invitation.as_ref()));
    drop(invitation);
    // The receiver exists until the process has been told to stop, and nobody else has set the other.
    let _ = handles.stopper.send(server.stopper());
    let _ = handles.reloader.set(server.reloader());
    server.serve()?;
    Ok(ExitCode::SUCCESS)
}

/// What signals act on, once there is a server.
struct Handles {
    stopper: Sender<Stopper>,
    reloader: Arc<OnceLock<Reloader>>,
}

/// Obeys signals from here on, on threads of its own. SIGHUP has the server reload. The first SIGTERM or
/// SIGINT stops it, as soon as there is one; a second ends the process at once.
fn obey_signals() -> io::Result<Handles> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let (stoppers, stopper) = channel();
    let reloader = Arc::new(OnceLock::<Reloader>::new());
    let handles = Handles { stopper: stoppers, reloader: Arc::clone(&reloader) };
    let wait = move || {
        let mut stopper = Some(stopper);
        for signal in signals.forever() {
            if signal == SIGHUP {
                // A terminal that is closed sends this, too; the server outlives it.
                match reloader.get() {
                    Some(reloader) => reloader.reload(),
                    None => ::log::info!("SIGHUP during the start: the settings have just been read"),
                }
            } else if let Some(stopper) = stopper.take() {
                let deadline = Builder::new().name("deadline".to_owned()).spawn(move || stop_in_time(&stopper));
                if let Err(error) = deadline {
                    ::log::error!("can't stop in order: {error}");
                    std::process::exit(FAILED.into());
                }
            } else {
                ::log::warn!("told to stop again; ending at once");
                std::process::exit(FAILED.into());
            }
        }
    };
    Builder::new().name("signals".to_owned()).spawn(wait)?;
    Ok(handles)
}

/// Stops the server, and ends the process if that takes too long.
fn stop_in_time(stopper: &Receiver<Stopper>) {
    let end = Instant::now() + STOP_WITHIN;
    if let Ok(stopper) = stopper.recv_timeout(STOP_WITHIN) {
        stopper.stop();
    }
    std::thread::sleep(end.saturating_duration_since(Instant::now()));
    ::log::error!("stopping took longer than {} seconds; ending at once", STOP_WITHIN.as_secs());
    std::process::exit(FAILED.into());
}

/// Prints what was asked for; a reader that has seen enough (`| head`) is not a failure.
fn print(text: &str) -> ExitCode {
    match write(io::stdout(), text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => failed(&error),
        _ => ExitCode::SUCCESS,
    }
}

/// The running server did not do what it was asked.
fn not_asked(error: &ConsoleError, json: bool) -> ExitCode {
    failed(error);
    match error {
        ConsoleError::Refused(refusal) => {
            if json {
                print(&json::refusal(refusal));
            }
            ExitCode::from(REFUSED)
        }
        ConsoleError::NotRunning { .. } => ExitCode::from(NOT_RUNNING),
        _ => ExitCode::from(FAILED),
    }
}

fn warn(warnings: &[impl Display]) {
    for warning in warnings {
        print_error(&format!("{}chitchatd: warning: {}\n", log::prefix(Level::Warn), one_line(&warning.to_string())));
    }
}

fn failed(error: &dyn Display) -> ExitCode {
    print_error(&format!("{}chitchatd: {}\n", log::prefix(Level::Error), one_line(&error.to_string())));
    ExitCode::from(FAILED)
}

/// Writes to standard error. `eprintln!` would panic if that fails, for example on a full disk.
fn print_error(text: &str) {
    let _ = write(io::stderr(), text);
}

fn write(mut to: impl io::Write, text: &str) -> io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.flush()
}
