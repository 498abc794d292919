//! What the application shows at one moment, capability by capability, so that two moments can be compared.

use crate::capability::Capability;
use crate::error::{EngineError, ErrorKind, Result};
use crate::lists;
use crate::questions::Questions;
use crate::session::Session;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Between two looks at an application that still reads what its broker has written.
const LOOK: Duration = Duration::from_secs(2);

/// The answer about one capability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What is shown: an item's key or question, and what is told about it. Contents of variables and diagrams are digests.
    Shown(BTreeMap<String, String>),
    /// The application refuses: its status and words.
    Refused(String),
}

impl Answer {
    /// What is shown; nothing if it was refused.
    pub fn items(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::Shown(items) => Some(items),
            Self::Refused(_) => None,
        }
    }
}

/// Everything that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answers {
    /// By capability.
    pub by: BTreeMap<Capability, Answer>,
}

impl Answers {
    /// Asks for all lists, then puts `questions` to it; those that follow from its own lists where none are given. Returned
    /// beside the answers, so that the same ones can be put to somebody else.
    ///
    /// # Errors
    /// Nobody answers. What the application refuses is an answer.
    pub async fn ask(session: &Session, questions: Option<Questions>) -> Result<(Self, Questions)> {
        let mut answers = Self::of_operate(session).await?;
        answers.put(Capability::DecisionInstances, lists::decision_instances(session).await)?;
        let variables = lists::variables(session).await;
        let tasks = lists::tasks(session).await;
        let questions = match questions {
            Some(questions) => questions,
            None => Questions::of(&answers, variables.as_ref().ok(), tasks.as_ref().ok()),
        };
        answers.put(Capability::Variables, variables.map(lists::Variables::into_items))?;
        answers.put(Capability::Tasks, tasks.map(lists::Tasks::into_items))?;
        answers.put(Capability::Search, questions.search(session).await)?;
        answers.put(Capability::TasksByUser, questions.tasks_by_user(session).await)?;
        answers.put(Capability::Forms, questions.forms(session).await)?;
        answers.put(Capability::Statistics, lists::statistics(session).await)?;
        Ok((answers, questions))
    }

    /// Asks for the lists alone that show what [`crate::deeds`] speak of.
    ///
    /// # Errors
    /// As [`Answers::ask`].
    pub async fn lists(session: &Session) -> Result<Self> {
        let mut answers = Self::of_operate(session).await?;
        answers.put(Capability::Tasks, lists::tasks(session).await.map(lists::Tasks::into_items))?;
        Ok(answers)
    }

    /// What [`crate::deeds`] speak of, but tasks.
    async fn of_operate(session: &Session) -> Result<Self> {
        let mut answers = Self::default();
        answers.put(Capability::Definitions, lists::definitions(session).await)?;
        answers.put(Capability::Decisions, lists::decisions(session).await)?;
        answers.put(Capability::Instances, lists::instances(session).await)?;
        answers.put(Capability::Incidents, lists::incidents(session).await)?;
        answers.put(Capability::History, lists::flow_nodes(session).await)?;
        Ok(answers)
    }

    fn put(&mut self, capability: Capability, answer: Result<BTreeMap<String, String>>) -> Result<()> {
        let answer = match answer {
            Ok(items) => Answer::Shown(items),
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => Answer::Refused(error.to_string()),
        };
        self.by.insert(capability, answer);
        Ok(())
    }

    /// The items of one capability; none where it was refused or not asked.
    pub fn items(&self, capability: Capability) -> BTreeMap<String, String> {
        self.by.get(&capability).and_then(Answer::items).cloned().unwrap_or_default()
    }

    /// Asks until two answers in a row are the same: the application has read everything that its broker has written.
    ///
    /// # Errors
    /// Nobody answers, or the answers still change after `limit`.
    pub async fn settled(
        session: &Session,
        questions: Option<Questions>,
        limit: Duration,
    ) -> Result<(Self, Questions)> {
        let began = Instant::now();
        let (mut before, mut questions) = Self::ask(session, questions).await?;
        loop {
            tokio::time::sleep(LOOK).await;
            // Asked anew, as what has come since is part of the answer.
            let given = questions.given.then(|| questions.clone());
            let (now, asked) = Self::ask(session, given).await?;
            if now == before {
                return Ok((now, asked));
            }
            if began.elapsed() > limit {
                let changing: Vec<_> = Capability::ALL
                    .iter()
                    .filter(|c| now.by.get(c) != before.by.get(c))
                    .map(|c| c.name())
                    .collect();
                let kind = ErrorKind::Malformed(format!("rest: {} still change", changing.join(", ")));
                return Err(EngineError::new("POST", "", kind));
            }
            (before, questions) = (now, asked);
        }
    }
}
