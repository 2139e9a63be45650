//! Opens the sink that a description asks for, if it isn't a file set. `open::start` opens files, which need many checks
//! first.

use std::sync::Arc;

use tracing_spool_fileset::{Clock, Fault, OsError};

use super::Sink;
use super::any_write::AnyWrite;
use super::stream::Stream;
use crate::platform::descriptor::End;
use crate::platform::ours::Ours;
use crate::settings::description::Description;
use crate::settings::target::Target;

/// Opens the sink that a description names.
pub(crate) fn open(description: &Description, clock: &Arc<dyn Clock>) -> Result<Box<dyn Sink>, Fault> {
    let (target, field) = (&description.output.target, description.output.target.field());
    let spent = || Fault::new(field, "taken", "must be given anew for each log: another one has it");
    let name = &description.name();
    Ok(match target {
        Target::Files => return Err(Fault::new(field, name.display(), "must be opened as a file set")),
        Target::Stdout => Box::new(Stream::open(End::Stdout, name, field, clock)?),
        Target::Stderr => Box::new(Stream::open(End::Stderr, name, field, clock)?),
        Target::Descriptor(given) => {
            let descriptor = Ours::new(given.take().ok_or_else(spent)?);
            let ours = descriptor.map_err(|errno| Fault::new(field, OsError::from(errno), "must be open"))?;
            Box::new(Stream::open(End::Own(ours), name, field, clock)?)
        }
        Target::Writer(given) => {
            let writer = given.take().ok_or_else(spent)?;
            Box::new(AnyWrite::new(writer, name, description.output.is_verbatim, clock))
        }
    })
}
