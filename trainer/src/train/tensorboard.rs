//! Event files of TensorBoard: records of protocol buffers, each between checksums (TFRecord). The crates that write them need
//! `protoc` to build, for the four messages that stand here.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::Value;

/// An event file that is open for writing.
pub struct EventFile(File);

impl EventFile {
    /// Begins a file in a run folder. What earlier files say of steps behind `done` is void: those steps are taken again.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(run: &Path, done: u64) -> Result<Self> {
        let seconds = seconds() as u64;
        let path = run.join(format!("events.out.tfevents.{seconds:010}.foil.{}", std::process::id()));
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut events = EventFile(file);
        events.write(&event(0, &bytes(3, b"brain.Event:2")))?;
        // A session that starts.
        events.write(&event(done, &bytes(7, &whole(1, 1))))?;
        Ok(events)
    }

    /// Writes every number of a line of metrics; those in a group are named after it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn scalars(&mut self, step: u64, metrics: &Value) -> Result<()> {
        let mut values = Vec::new();
        for (name, value) in metrics.as_object().into_iter().flatten().filter(|(name, _)| *name != "step") {
            if let Some(number) = value.as_f64() {
                values.extend(scalar(name, number));
            }
            for (of, number) in value.as_object().into_iter().flatten() {
                values.extend(
                    number.as_f64().into_iter().flat_map(|number| scalar(&format!("{name}/{of}"), number)),
                );
            }
        }
        self.write(&event(step, &bytes(5, &values)))
    }

    fn write(&mut self, event: &[u8]) -> Result<()> {
        self.0.write_all(&record(event)).context("cannot write TensorBoard's events")
    }
}

/// `Event { wall_time, step, … }`
fn event(step: u64, what: &[u8]) -> Vec<u8> {
    let time = [&key(1, 1)[..], &seconds().to_le_bytes()].concat();
    [time, whole(2, step), what.to_vec()].concat()
}

/// `Summary { value: [Value { tag, simple_value }] }`
fn scalar(tag: &str, value: f64) -> Vec<u8> {
    let number = [&key(2, 5)[..], &(value as f32).to_le_bytes()].concat();
    bytes(1, &[bytes(1, tag.as_bytes()), number].concat())
}

fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// A record: length and content, each with its masked checksum.
fn record(content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u64).to_le_bytes();
    let checksum = |of: &[u8]| crc32c::crc32c(of).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
    [&length[..], &checksum(&length), content, &checksum(content)].concat()
}

fn key(field: u64, kind: u64) -> Vec<u8> {
    varint(field << 3 | kind)
}

fn whole(field: u64, number: u64) -> Vec<u8> {
    [key(field, 0), varint(number)].concat()
}

fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    [key(field, 2), varint(content.len() as u64), content.to_vec()].concat()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_those_that_tensorboard_writes() {
        // tensorboard.summary.writer.record_writer.RecordWriter, of b"foil".
        assert_eq!(
            record(b"foil"),
            [4, 0, 0, 0, 0, 0, 0, 0, 66, 69, 82, 4, 102, 111, 105, 108, 244, 91, 10, 198]
        );
    }

    #[test]
    fn scalars_are_those_that_tensorboard_writes() {
        // Summary(value=[Value(tag="loss", simple_value=2.5)]).SerializeToString()
        assert_eq!(scalar("loss", 2.5), [10, 11, 10, 4, 108, 111, 115, 115, 21, 0, 0, 32, 64]);
        assert_eq!([varint(0), varint(127), varint(300)].concat(), [0, 127, 0xac, 2]);
    }
}
