//! The thread `network`: keeps the client connected and carries lines both ways.
//!
//! Owns the connection, the session, and the waits between two connections. The main thread sends
//! [`UserAction`]s over a channel and wakes this thread; it gets [`Report`]s back. What the user
//! should see goes to the [`Screen`]. Nothing here waits for the line editor or the user.

use super::answer_timer::AnswerTimer;
use super::authenticate::{AuthError, token_label};
use super::backoff::Backoff;
use super::connection::{Connection, ConnectionError};
use super::connector::{Connector, LoggedInConnection};
use super::item::Item;
use super::place::PlaceBoard;
use super::poller::{Poller, WaitOutcome};
use super::printer::Screen;
use super::questions::Questions;
use super::session::{Effect, Session};
use super::sleep_watch::{LOOK_EVERY, SleepWatch};
use super::state::SavedLogin;
use super::visits;
use crate::protocol::names::{Target, UserName};
use crate::protocol::secrets::Secret;
use crossbeam_channel::{Receiver, Sender, TryRecvError};
use std::io;
use std::thread;
use std::time::{Instant, SystemTime};

mod handle;
mod reconnecting;

use self::handle::GOODBYE;
pub(super) use self::handle::{Ending, NetworkHandle, Report, UserAction, When};
pub(super) use self::reconnecting::Patience;

/// Reports that may wait for the main thread, which takes none while the user is idle. No honest server causes
/// that many.
const REPORTS_MAX: usize = 10_000;

/// The thread's state.
struct Network<S> {
    connector: Connector,
    poller: Poller,
    session: Session,
    screen: S,
    actions: Receiver<UserAction>,
    reports: Sender<Report>,
    me: UserName,
    patience: Patience,
    backoff: Backoff,
    leaving: Option<When>,
    /// Why the screen can't show anything more.
    unseen: Option<io::Error>,
    questions: Questions,
    /// Answers to the server's questions that were not sent yet.
    answers: Vec<Secret>,
    answer_timer: AnswerTimer,
    sleep_watch: SleepWatch,
    place: PlaceBoard,
    /// The conversation that was noted as the last one that the user was in.
    noted: Option<Target>,
}

/// Why a connection is over.
enum Over {
    Left,
    Dropped(ConnectionError),
    Reconnect,
}

/// Starts the thread with a logged-in connection.
///
/// # Errors
/// If the thread can't be started.
pub(super) fn start<S: Screen + 'static>(
    connector: Connector,
    poller: Poller,
    session: Session,
    screen: S,
    logged_in: LoggedInConnection,
    patience: Patience,
) -> io::Result<NetworkHandle> {
    let (actions, taken) = crossbeam_channel::unbounded();
    let (report, reports) = crossbeam_channel::unbounded();
    let wake_handle = poller.wake_handle();
    let place = PlaceBoard::default();
    let network = Network {
        connector,
        poller,
        session,
        screen,
        actions: taken,
        reports: report,
        me: logged_in.me,
        patience,
        backoff: Backoff::new(),
        leaving: None,
        unseen: None,
        questions: Questions::default(),
        answers: Vec::new(),
        answer_timer: AnswerTimer::default(),
        sleep_watch: SleepWatch::new(Instant::now(), SystemTime::now()),
        place: place.clone(),
        noted: None,
    };
    let thread = thread::Builder::new().name("network".to_owned()).spawn(move || network.run(logged_in))?;
    Ok(NetworkHandle { actions, wake_handle, reports, place, thread })
}

impl<S: Screen> Network<S> {
    fn run(mut self, logged_in: LoggedInConnection) {
        let mut ending = self.keep_connected(logged_in);
        if let Some(error) = self.unseen.take() {
            ending = Ending::Unseen(error);
        }
        self.report(Report::Ended(ending));
    }

    fn keep_connected(&mut self, mut logged_in: LoggedInConnection) -> Ending {
        loop {
            let since = Instant::now();
            let over = self.serve(logged_in);
            self.backoff.connection_lived(since.elapsed());
            let why = match over {
                Over::Left => return Ending::Left,
                // There is nobody who could give up: logging in again would help as little as before.
                Over::Dropped(error @ ConnectionError::Silent) if self.patience != Patience::Endless => {
                    return Ending::Lost(AuthError::Connection { error, notice: None }.into());
                }
                Over::Dropped(error) => error.to_string(),
                Over::Reconnect => "the server is busy".to_owned(),
            };
            self.answers.clear();
            self.questions.withdraw();
            self.answer_timer = AnswerTimer::default();
            self.tell(&format!("connection lost: {why}. Reconnecting…"));
            let effects = self.session.disconnected();
            self.act(effects);
            logged_in = match self.reconnect() {
                Ok(Some(logged_in)) => logged_in,
                Ok(None) => return Ending::Left,
                Err(error) => return Ending::Lost(error),
            };
            self.tell("reconnected");
        }
    }

    fn serve(&mut self, logged_in: LoggedInConnection) -> Over {
        let LoggedInConnection { mut connection, epoch, me, early, welcome: _ } = logged_in;
        let effects = self.session.connected(&epoch, me);
        let mut over = self.act(effects);
        for line in early {
            let effects = self.session.server_line(&line, Instant::now());
            over = over.or(self.act(effects));
        }
        loop {
            self.take_actions();
            for answer in self.answers.drain(..) {
                connection.send(answer.expose());
            }
            while let Some(line) = self.session.next_line() {
                connection.send(&line);
            }
            if let Some(over) = over {
                connection.close();
                return over;
            }
            if self.leaving == Some(When::Now) || self.leaving.is_some() && self.session.is_settled() {
                self.say_goodbye(connection);
                return Over::Left;
            }
            over = match self.exchange(&mut connection) {
                Ok(over) => over,
                Err(error) => return Over::Dropped(error),
            };
        }
    }

    /// Waits and reads one line. What it triggers is sent before the next line is read.
    fn exchange(&mut self, connection: &mut Connection) -> Result<Option<Over>, ConnectionError> {
        let now = Instant::now();
        // Who is asked something may take a long time to answer.
        let waiting = self.session.waiting_since_answer().filter(|_| !self.questions.is_waiting());
        let silent = self.answer_timer.note(waiting, now);
        let due = [self.session.next_tick(), self.screen.next_tick(), silent];
        let until = due.into_iter().flatten().fold(now + LOOK_EVERY, Instant::min);
        let woke = connection.wait(&mut self.poller, until)?;
        let now = Instant::now();
        if self.has_slept() {
            self.session.probe();
            self.answer_timer.hurry(now);
        }
        if self.answer_timer.is_over(now) {
            return Err(ConnectionError::Silent);
        }
        self.session.tick(now);
        let shown = self.screen.tick();
        self.saw(shown);
        if woke != WaitOutcome::Lines {
            return Ok(None);
        }
        let Some(line) = connection.next_line()? else { return Ok(None) };
        let effects = self.session.server_line(&line, now);
        Ok(self.act(effects))
    }

    fn say_goodbye(&mut self, mut connection: Connection) {
        self.session.mark();
        while let Some(line) = self.session.next_line() {
            connection.send(&line);
        }
        connection.send("/quit");
        let until = Instant::now() + GOODBYE;
        loop {
            match connection.wait(&mut self.poller, until) {
                Ok(WaitOutcome::Lines) => {
                    let now = Instant::now();
                    let Ok(line) = connection.next_line() else { break };
                    if now >= until {
                        break;
                    }
                    // What arrives now stays unread, and is shown next time.
                    let effects = line.map(|line| self.session.parting_line(&line, now)).unwrap_or_default();
                    self.act(effects);
                }
                Ok(WaitOutcome::Woken) => {}
                Ok(WaitOutcome::TimedOut) | Err(_) => break,
            }
        }
        connection.close();
    }

    fn has_slept(&mut self) -> bool {
        self.sleep_watch.look(Instant::now(), SystemTime::now())
    }

    fn take_actions(&mut self) {
        loop {
            match self.actions.try_recv() {
                Ok(UserAction::Line(id, line)) => {
                    let effects = self.session.user_line(id, line);
                    // A line from the user never ends the connection.
                    self.act(effects);
                }
                Ok(UserAction::Answer(question, answer)) if self.questions.answer(question) => {
                    self.answers.push(answer);
                }
                Ok(UserAction::Answer(..)) => {
                    self.tell("the server no longer waits for that answer, so it was not sent");
                }
                Ok(UserAction::Switch(to)) => {
                    let effects = self.session.switch(to);
                    self.act(effects);
                }
                Ok(UserAction::Leave(when)) => self.leave(when),
                Err(TryRecvError::Empty) => return,
                // The main thread has ended.
                Err(TryRecvError::Disconnected) => return self.leave(When::Now),
            }
        }
    }

    fn leave(&mut self, when: When) {
        if self.leaving != Some(When::Now) {
            self.leaving = Some(when);
        }
    }

    fn act(&mut self, effects: Vec<Effect>) -> Option<Over> {
        let mut over = None;
        for effect in effects {
            match effect {
                Effect::Show(item) => self.show(&item),
                Effect::Ask(about, text) => match self.questions.ask(about) {
                    Some(question) => self.report(Report::Ask(question, text)),
                    None => over = Some(Over::Dropped(ConnectionError::Flood)),
                },
                Effect::Settled(id, how) => {
                    self.questions.settled(id);
                    self.report(Report::Settled(id, how));
                }
                Effect::Place(place) => {
                    self.note(place.current.as_ref());
                    if self.place.post(place) {
                        self.report(Report::Place);
                    }
                }
                Effect::TokenRevoked => self.renew_token(),
                Effect::Token(token) => {
                    let saved = SavedLogin { name: self.me, token };
                    if let Err(error) = self.connector.state.save_login(&self.connector.server, &saved) {
                        self.tell(&format!("the login can't be saved: {error}"));
                    }
                }
                Effect::Reconnect => over = Some(Over::Reconnect),
            }
        }
        if self.reports.len() > REPORTS_MAX {
            over = Some(Over::Dropped(ConnectionError::Flood));
        }
        over
    }

    /// Notes where the user is, for the next time.
    fn note(&mut self, current: Option<&Target>) {
        if self.patience == Patience::Endless && current.is_some() && self.noted.as_ref() != current {
            self.noted = current.cloned();
            let Connector { state, server, .. } = &self.connector;
            if let Err(error) = visits::stay(state, server, &self.me, current) {
                log::warn!("where you are can't be remembered: {error}");
            }
        }
    }

    fn renew_token(&mut self) {
        match token_label() {
            Ok(label) => self.session.renew_token(label),
            Err(error) => self.tell(&error.to_string()),
        }
    }

    fn tell(&mut self, text: &str) {
        self.show(&Item::Local(text.to_owned()));
    }

    fn show(&mut self, item: &Item) {
        if self.unseen.is_none() {
            let shown = self.screen.show(item);
            self.saw(shown);
        }
    }

    fn saw(&mut self, shown: io::Result<()>) {
        if let Err(error) = shown {
            self.unseen = Some(error);
            self.leave(When::Now);
        }
    }

    fn report(&self, report: Report) {
        if self.reports.send(report).is_err() {
            log::debug!("the main thread has ended");
        }
        self.screen.nudge();
    }
}
