//! CubeCL's CUDA runtime can compile kernels by NVRTC, from CUDA C++, or by LLVM. It always links against both, and the
//! build script of `cubecl-llvm` downloads LLVM from outside the package registries. The trainer compiles by NVRTC alone
//! (feature `cpp` of `cubecl-cuda`), so this crate stands where `cubecl-llvm` would: the names that `cubecl-cuda` refers
//! to, and an error instead of a compiler.

/// The PTX version of LLVM's output.
pub mod nvptx {
    /// The type of such a version.
    pub mod ptx_version {
        use std::fmt;

        /// A version that has no values: nothing here writes PTX.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum PtxVersion {}

        impl PtxVersion {
            /// None, whatever the driver is.
            pub fn for_driver(_driver: i32) -> Option<Self> {
                None
            }
        }

        impl fmt::Display for PtxVersion {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {}
            }
        }
    }
}

/// What the LLVM path can lower.
pub mod shared {
    /// Restrictions of a device's features.
    pub mod lowered_features {
        use cubecl_core::ir::DeviceProperties;

        /// A family of GPUs.
        pub enum GpuTarget {
            /// NVIDIA's.
            Nvptx,
        }

        /// Leaves the properties as they are: no kernel is lowered here.
        pub fn restrict_features(_: &mut DeviceProperties, _: GpuTarget) {}
    }
}

use std::fmt;

use cubecl_core::ir::nvidia::SmArch;
use cubecl_core::prelude::KernelDefinition;
use cubecl_environment::backtrace::BackTrace;
use cubecl_server::compiler::{CompilationError, Compiler};
use cubecl_server::kernel::BufferIOAttr;
use nvptx::ptx_version::PtxVersion;

/// What the compiler is asked to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LlvmTarget {
    /// PTX.
    Nvptx,
}

/// A compiler that refuses every kernel.
#[derive(Clone, Debug)]
pub struct PlironCompiler {
    /// What it is asked to write.
    pub target: LlvmTarget,
}

/// The options of a compilation.
#[derive(Clone, Debug, Default)]
pub struct PlironOptions {
    /// An AMD GPU.
    pub arch: Option<()>,
    /// An NVIDIA GPU.
    pub sm_arch: Option<SmArch>,
    /// The PTX version.
    pub ptx_version: Option<PtxVersion>,
    /// Whether scalars are kernel parameters.
    pub grid_constants: bool,
}

/// A compiled kernel.
#[derive(Clone, Debug)]
pub enum PlironArtifact {
    /// PTX.
    NvptxCode(NvptxModule),
}

impl fmt::Display for PlironArtifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlironArtifact::NvptxCode(module) = self;
        f.write_str(&module.ir)
    }
}

/// Compiled PTX.
#[derive(Clone, Debug)]
pub struct NvptxModule {
    /// The PTX, ended by zero.
    pub ptx: Vec<core::ffi::c_char>,
    /// LLVM's own text.
    pub ir: String,
    /// Shared memory of a launch, in bytes.
    pub shared_memory_size: usize,
    /// What the kernel does with each buffer.
    pub io: Vec<BufferIOAttr>,
}

impl Compiler for PlironCompiler {
    type Representation = PlironArtifact;
    type CompilationOptions = PlironOptions;

    fn compile(
        &mut self,
        _: KernelDefinition,
        _: &Self::CompilationOptions,
    ) -> Result<Self::Representation, CompilationError> {
        Err(CompilationError::Generic {
            reason: "this program is built without LLVM; kernels are compiled by NVRTC (feature `cpp` of cubecl-cuda)"
                .to_owned(),
            backtrace: BackTrace::capture(),
        })
    }

    fn extension(&self) -> &'static str {
        "ll"
    }

    fn lang_tag(&self) -> &'static str {
        "llvm"
    }
}
