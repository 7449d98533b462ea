//! Why nothing was fetched.

/// Why nothing was fetched, as a sentence.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer.
    #[error("{0} could not be fetched (are you online?)")]
    Unreachable(String),
    /// An answer that is no success.
    #[error("{file} could not be fetched: the server answered {status}")]
    Status {
        /// What was asked for.
        file: String,
        /// What the server said.
        status: u16,
    },
    /// The connection ended early, again and again.
    #[error("the download of {0} was cut off")]
    CutOff(String),
    /// Another content than the list promises.
    #[error(
        "{0} is not what the page expected (its checksum differs); close every tab of this page and open it again"
    )]
    Checksum(String),
    /// An address elsewhere.
    #[error("{0} is on another site; only bundles from this site are loaded")]
    OtherOrigin(String),
    /// The list is broken.
    #[error("the list of bundles cannot be read: {0}")]
    Manifest(String),
    /// The visitor wants no more of it.
    #[error("the download was canceled")]
    Cancelled,
    /// The beginning of the file says that the rest is of no use, so it was not downloaded.
    #[error("{0}")]
    Refused(String),
}
