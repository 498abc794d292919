//! Where each safeguard is missed when it is gone: a procedure that relies on it, what has to happen, and which promise breaks.

use crate::promises::Promise;
use crate::safeguard::Safeguard;
use crate::schedule::{Crashes, Early, Stragglers, WaysBack};
use crate::setup::Setup;
use drydock_core::Scenario;
use drydock_core::names::checks;
use drydock_migration::Without;

const STANDARD: &str = "name: standard\nmigration: {components: [elasticsearch]}\n";
const DATABASES: &str = "name: databases\nmigration: {components: [identity, webmodeler, elasticsearch]}\n";
const EXACT: &str =
    "name: warm-exact\nmigration: {components: [elasticsearch], reindex: warm, delta: exact}\n";
const UPSTREAM: &str =
    "name: warm-official\nmigration: {components: [elasticsearch], reindex: warm, delta: upstream}\n";
const AS_UPSTREAM: &str = "name: official-scripts\nmigration: {components: [elasticsearch], create_indices: upstream, reindex: warm, delta: upstream}\n";

/// A safeguard's arena.
#[derive(Debug, Clone)]
pub struct Arena {
    /// The scenario, as YAML.
    pub yaml: &'static str,
    /// Whether nodes are killed.
    pub crashes: Crashes,
    /// Whether it is gone back.
    pub ways_back: WaysBack,
    /// Whether pods straggle.
    pub stragglers: Stragglers,
    /// Whether applications are started too early.
    pub early: Early,
    /// What breaks without the safeguard, and not with it.
    pub promise: Promise,
    /// The check that tells of it.
    pub check: &'static str,
}

impl Arena {
    /// The arena of a safeguard.
    pub fn of(safeguard: Safeguard) -> Self {
        use Promise::{
            CleanupKeepsACopy, DefinitionsCarried, FreezeHolds, NoLostWrite, NoResurrectedDocument,
        };
        let plain = |yaml, promise, check| Self {
            yaml,
            crashes: Crashes::Never,
            ways_back: WaysBack::Never,
            stragglers: Stragglers::Never,
            early: Early::Never,
            promise,
            check,
        };
        let lost = |yaml| plain(yaml, NoLostWrite, checks::ACKNOWLEDGED);
        let defined = |yaml, check| plain(yaml, DefinitionsCarried, check);
        let back = |promise, check| Self { ways_back: WaysBack::Drawn, ..plain(STANDARD, promise, check) };
        match safeguard {
            Safeguard::Freeze | Safeguard::FreezeWait => plain(STANDARD, FreezeHolds, checks::FREEZE),
            Safeguard::CleanupGuard => plain(UPSTREAM, CleanupKeepsACopy, checks::CLEANUP_GUARD),
            Safeguard::SecondLook => Self {
                stragglers: Stragglers::Happen,
                ..plain(STANDARD, CleanupKeepsACopy, checks::CLEANUP_GUARD)
            },
            Safeguard::Whereabouts => back(NoLostWrite, checks::ACKNOWLEDGED),
            Safeguard::GivenUp => back(Promise::WitnessTells, checks::FREEZE),
            Safeguard::SeenBefore => back(Promise::RollbackRestores, checks::RB_RESTORED),
            Safeguard::Orphans => Self { early: Early::Happen, ..lost(DATABASES) },
            Safeguard::Fates => back(Promise::RollbackRestores, checks::RB_WRITES),
            Safeguard::Driver(without) => match without {
                Without::DeletePropagation => plain(EXACT, NoResurrectedDocument, checks::ES_DOCUMENTS),
                Without::DropPropagation => defined(EXACT, checks::ES_INDICES),
                Without::Aliases => defined(EXACT, checks::ES_ALIASES),
                Without::Settings => defined(STANDARD, checks::ES_SETTINGS),
                Without::Templates => defined(STANDARD, checks::ES_TEMPLATES),
                Without::Objects => defined(STANDARD, checks::ES_CLUSTER),
                Without::Replicas => defined(AS_UPSTREAM, checks::ES_SETTINGS),
                Without::Operations | Without::LowerVersions | Without::Marks | Without::BulkAnswers => {
                    lost(EXACT)
                }
                Without::Refresh | Without::LateCopies => lost(STANDARD),
                Without::CopyAnswers => lost(UPSTREAM),
                Without::CountComparison | Without::Flush => {
                    Self { crashes: Crashes::Happen, ..lost(STANDARD) }
                }
                Without::ExitCodes | Without::PartialTables => lost(DATABASES),
                Without::Alone | Without::Anew => {
                    Self { early: Early::Happen, ..plain(DATABASES, Promise::NoGhost, checks::PG_ROWS) }
                }
                Without::Sequences => defined(DATABASES, checks::PG_SEQUENCES),
                Without::Sessions => Self {
                    stragglers: Stragglers::Happen,
                    ..plain(DATABASES, Promise::WitnessTells, checks::FREEZE)
                },
            },
        }
    }

    /// The procedure and what happens in it, in few words.
    pub fn place(&self) -> &'static str {
        match (self.yaml, &self.ways_back, self.stragglers, self.crashes) {
            (DATABASES, _, Stragglers::Happen, _) => "databases, stragglers",
            (DATABASES, ..) if self.early == Early::Happen => "databases, early start",
            (DATABASES, ..) => "databases",
            (_, WaysBack::Drawn | WaysBack::From(_), ..) => "standard, gone back",
            (_, _, Stragglers::Happen, _) => "standard, stragglers",
            (_, _, _, Crashes::Happen) => "standard, crashes",
            (EXACT, ..) => "warm, exact delta",
            (UPSTREAM, ..) => "warm, official delta",
            (AS_UPSTREAM, ..) => "official scripts",
            _ => "standard",
        }
    }

    /// The procedure of this arena without the safeguard.
    ///
    /// # Errors
    /// A mistake in the table; in words for people.
    pub fn setup(&self, without: Safeguard, documents: u64) -> Result<Setup, String> {
        let scenario = Scenario::from_yaml("safeguard", self.yaml).map_err(|e| e.to_string())?;
        let setup = Setup::new(&scenario, documents, Some(without))?;
        let (ways_back, crashes, stragglers) = (self.ways_back.clone(), self.crashes, self.stragglers);
        Ok(Setup { crashes, ways_back, stragglers, early: self.early, ..setup })
    }
}
