//! The procedure without one of its safeguards, so that a simulation can see it missed. Nothing else asks for it: no option,
//! no scenario and no variable of the environment does.

use std::cell::Cell;
use std::marker::PhantomData;

/// One safeguard of the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Without {
    /// What was written is made visible before it is counted and copied.
    Refresh,
    /// What the source has no more is removed by the exact delta.
    DeletePropagation,
    /// Indices dropped since the warm copy are dropped.
    DropPropagation,
    /// Operations above an index's mark are carried by the exact delta.
    Operations,
    /// What is made again with a lower version is written over a higher one.
    LowerVersions,
    /// The target's counts are held against the source's once everything is written.
    CountComparison,
    /// What was eased for the copy is given back.
    Settings,
    /// What was written with asynchronous durability is synced when that ends.
    Flush,
    /// The official way gives back the replicas it remembered.
    Replicas,
    /// Aliases change hands at the end.
    Aliases,
    /// Index templates are carried.
    Templates,
    /// Pipelines, scripts and policies are carried.
    Objects,
    /// A warm copy is marked before it reads.
    Marks,
    /// What `_bulk` refused of a request is sent again.
    BulkAnswers,
    /// What `_reindex` says of its failures is believed.
    CopyAnswers,
    /// Copies that were asked for and not answered are given the time to arrive before users are let in.
    LateCopies,
    /// What the exit codes of dump and restore say is believed.
    ExitCodes,
    /// A table whose rows did not arrive is no error to pass over.
    PartialTables,
    /// Nobody else works on a database that is restored.
    Alone,
    /// A database is made anew before it is restored again.
    Anew,
    /// Sequences go on where they were.
    Sequences,
    /// Sessions that are open on the frozen source are told.
    Sessions,
}

thread_local! {
    static GONE: Cell<Option<Without>> = const { Cell::new(None) };
}

/// As long as it lives, drivers on this thread lack a safeguard.
#[derive(Debug)]
pub struct Lacking {
    // Bound to its thread.
    here: PhantomData<*const ()>,
}

impl Without {
    /// Takes the safeguard away from everything that runs on this thread. A simulation runs on one.
    #[must_use = "the safeguard is back when this is dropped"]
    pub fn begin(self) -> Lacking {
        GONE.set(Some(self));
        Lacking { here: PhantomData }
    }

    /// Whether it is gone here.
    pub(crate) fn is_gone(self) -> bool {
        GONE.get() == Some(self)
    }
}

impl Drop for Lacking {
    fn drop(&mut self) {
        GONE.set(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_safeguard_is_gone_on_one_thread_and_for_a_while() {
        assert!(!Without::Marks.is_gone());
        let gone = Without::Marks.begin();
        assert!(Without::Marks.is_gone() && !Without::Settings.is_gone());
        assert!(!std::thread::spawn(|| Without::Marks.is_gone()).join().unwrap());
        drop(gone);
        assert!(!Without::Marks.is_gone());
    }
}
