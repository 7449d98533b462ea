//! Messages between processes by the Message Passing Interface, from the main thread only.

use std::mem::ManuallyDrop;

use anyhow::{Context, Result};
use mpi::Threading;
use mpi::collective::SystemOperation;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};

/// Numbers of one message: MPI counts in 32 bits, and a bucket has to fit into memory once more.
const BUCKET: usize = 1 << 24;

/// The processes of a job.
pub struct Mpi {
    /// Dropped only by [`Mpi::close`]: a process that fails must not wait for those that wait for it. It ends, and `mpirun` or
    /// `srun` ends the others.
    universe: ManuallyDrop<Universe>,
    world: SimpleCommunicator,
    local_rank: usize,
}

impl Mpi {
    pub fn open() -> Result<Self> {
        let (universe, _) = mpi::initialize_with_threading(Threading::Funneled)
            .context("MPI has been initialized in this process before")?;
        let world = universe.world();
        let local_rank = world.split_shared(world.rank()).rank() as usize;
        Ok(Mpi { universe: ManuallyDrop::new(universe), world, local_rank })
    }

    pub fn rank(&self) -> usize {
        self.world.rank() as usize
    }

    pub fn size(&self) -> usize {
        self.world.size() as usize
    }

    pub fn local_rank(&self) -> usize {
        self.local_rank
    }

    pub fn gather(&self, own: &[f32]) -> Vec<f32> {
        let mut all = vec![0.0; own.len() * self.size()];
        self.world.all_gather_into(own, &mut all[..]);
        all
    }

    pub fn sum(&self, own: &[f32]) -> Vec<f32> {
        let mut sums = vec![0.0; own.len()];
        for (own, sums) in own.chunks(BUCKET).zip(sums.chunks_mut(BUCKET)) {
            self.world.all_reduce_into(own, sums, SystemOperation::sum());
        }
        sums
    }

    pub fn barrier(&self) {
        self.world.barrier();
    }

    pub fn close(self) {
        let Mpi { universe, .. } = self;
        drop(ManuallyDrop::into_inner(universe));
    }
}
