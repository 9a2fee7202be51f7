//! The server's questions that the user has not answered yet.
//!
//! Owns which answer belongs to which question. A server takes the line after its question for the answer,
//! and any other line for something to be said in a room: so an answer is sent only while its question is
//! open, and not when the connection has dropped or the command has been refused meanwhile. Pure; runs on
//! the network thread.

use super::requests::RequestId;
use std::collections::VecDeque;

/// Questions that may be open at once. No command asks for more than two answers.
const QUESTIONS_MAX: usize = 8;

/// Identifies a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QuestionId(u64);

#[derive(Debug, Default)]
pub(super) struct Questions {
    /// Each with the line that it is about, in order.
    open: VecDeque<(QuestionId, RequestId)>,
    asked: u64,
}

impl Questions {
    /// The server asks something about this line. `None` if it asks too much.
    pub(super) fn ask(&mut self, about: RequestId) -> Option<QuestionId> {
        if self.open.len() >= QUESTIONS_MAX {
            return None;
        }
        self.asked += 1;
        let question = QuestionId(self.asked);
        self.open.push_back((question, about));
        Some(question)
    }

    /// Whether the server still waits for the answer to this question, which is then no longer open.
    #[must_use]
    pub(super) fn answer(&mut self, question: QuestionId) -> bool {
        let at = self.open.iter().position(|(open, _)| *open == question);
        at.and_then(|at| self.open.remove(at)).is_some()
    }

    /// This line is answered: the server asks nothing about it any more.
    pub(super) fn settled(&mut self, about: RequestId) {
        self.open.retain(|(_, open)| *open != about);
    }

    /// The connection has dropped.
    pub(super) fn withdraw(&mut self) {
        self.open.clear();
    }

    /// Whether the server waits for the user.
    #[must_use]
    pub(super) fn is_waiting(&self) -> bool {
        !self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_sent_only_while_its_question_is_open() {
        let mut questions = Questions::default();
        let (passwd, other) = (RequestId(7), RequestId(6));
        let first = questions.ask(passwd).unwrap();
        questions.settled(other);
        assert!(questions.is_waiting() && questions.answer(first) && !questions.answer(first));
        let second = questions.ask(passwd).unwrap();
        questions.settled(passwd);
        assert!(!questions.is_waiting() && !questions.answer(second));
        let third = questions.ask(passwd).unwrap();
        questions.withdraw();
        let fourth = questions.ask(passwd).unwrap();
        assert!(!questions.answer(third) && questions.answer(fourth));
    }

    #[test]
    fn a_server_may_not_ask_without_end() {
        let mut questions = Questions::default();
        let asked = (0..100).filter_map(|_| questions.ask(RequestId(1))).count();
        assert_eq!(asked, QUESTIONS_MAX);
    }
}
