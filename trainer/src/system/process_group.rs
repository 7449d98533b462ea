//! The processes that train together: one without MPI, or those that `mpirun` or `srun` started.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Deserialize;

use super::mpi::Mpi;

/// What carries messages between processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// The Message Passing Interface.
    Mpi,
}

/// This process among those that train together. Each calls the same methods in the same order.
pub struct ProcessGroup {
    /// Nothing where this process is the only one.
    mpi: Option<Mpi>,
    /// Time spent in messages since somebody asked.
    spent: Cell<Duration>,
}

impl ProcessGroup {
    /// Joins the other processes, if there is a way to them. To be called once, before any thread is started.
    ///
    /// # Errors
    /// If this program was built without the transport, or has opened it before.
    pub fn join(transport: Option<Transport>) -> Result<Self> {
        let mpi = match transport {
            Some(Transport::Mpi) => Some(Mpi::open()?),
            None => None,
        };
        Ok(ProcessGroup { mpi, spent: Cell::default() })
    }

    /// The number of this process, from 0.
    pub fn rank(&self) -> usize {
        self.mpi.as_ref().map_or(0, Mpi::rank)
    }

    /// How many processes there are.
    pub fn size(&self) -> usize {
        self.mpi.as_ref().map_or(1, Mpi::size)
    }

    /// The number of this process among those of the same machine, from 0.
    pub fn local_rank(&self) -> usize {
        self.mpi.as_ref().map_or(0, Mpi::local_rank)
    }

    /// Whether this process writes what all have computed.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// The numbers of all processes, as many of each, by rank.
    pub fn gather(&self, own: &[f32]) -> Vec<f32> {
        self.mpi.as_ref().map_or_else(|| own.to_vec(), |mpi| self.timed(|| mpi.gather(own)))
    }

    /// The sum over all processes of each number.
    pub fn sum(&self, own: Vec<f32>) -> Vec<f32> {
        match &self.mpi {
            Some(mpi) => self.timed(|| mpi.sum(&own)),
            None => own,
        }
    }

    /// Whether something is so in any process.
    pub fn any(&self, here: bool) -> bool {
        self.sum(vec![f32::from(here)])[0] > 0.0
    }

    /// The time spent in messages, and in waiting for them, since somebody asked.
    pub fn take_spent(&self) -> Duration {
        self.spent.take()
    }

    fn timed<T>(&self, task: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let result = task();
        self.spent.set(self.spent.get() + begun.elapsed());
        result
    }

    /// Waits for all processes.
    pub fn barrier(&self) {
        if let Some(mpi) = &self.mpi {
            mpi.barrier();
        }
    }

    /// Takes leave of the others after the last message. A process that ends without it ends them all.
    pub fn leave(self) {
        if let Some(mpi) = self.mpi {
            mpi.close();
        }
    }
}
