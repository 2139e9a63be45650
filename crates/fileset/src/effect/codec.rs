//! Compresses bytes with the crates behind the features `gzip` and `zstd`. It knows no files, names or bounds.

use std::io::{self, Write};

use crate::model::compression::Compression;

/// Compresses what `feed` writes into `out`. Fails if the feature is missing.
pub(super) fn encode(
    compression: Compression,
    out: &mut dyn Write,
    feed: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    match compression {
        #[cfg(feature = "gzip")]
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::default());
            feed(&mut encoder)?;
            encoder.finish().map(drop)
        }
        #[cfg(feature = "zstd")]
        Compression::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            encoder.include_checksum(true)?;
            feed(&mut encoder)?;
            encoder.finish().map(drop)
        }
        _ => {
            let _ = (out, feed);
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}
