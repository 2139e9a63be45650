//! Whether this is a forked child, where there are none: for tools that run one process.

/// The process that made it.
#[derive(Debug)]
pub(crate) struct Origin;

impl Origin {
    #[expect(clippy::unnecessary_wraps, reason = "the real one can fail")]
    pub(crate) fn here() -> Result<Self, nix::errno::Errno> {
        Ok(Self)
    }

    pub(crate) fn is_forked(&self) -> bool {
        false
    }
}
