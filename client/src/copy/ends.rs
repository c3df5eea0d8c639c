//! The local end of a copy: where bytes come from or go to, with their holes.
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;
use sendrec_fileserver::{BLOCK_BYTES, is_zero};

/// Where a copy's bytes come from, in order.
pub trait Source {
    /// Fills `buffer` with what is next; returns how much of it, less than all only at the end.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Goes past a hole, if one is next and it is known where that ends; returns how long it was. It counts as zeros.
    fn skip_hole(&mut self) -> io::Result<u64> {
        Ok(0)
    }
}

/// Where a copy's bytes go to, in order.
pub trait Sink {
    /// Takes what is next.
    fn data(&mut self, data: &[u8]) -> io::Result<()>;
    /// Takes so many zeros.
    fn zeros(&mut self, count: u64) -> io::Result<()>;
    /// There is no more.
    fn finish(&mut self) -> io::Result<()>;
}

/// The bytes of a file, from its beginning to the end it has when that is read.
#[derive(Debug)]
pub struct FromFile<'f> {
    file: &'f File,
    position: u64,
    /// Whether it has less stored than it is long.
    is_sparse: bool,
}

impl<'f> FromFile<'f> {
    /// All of `file`, whose own position does not matter.
    pub fn new(file: &'f File) -> io::Result<Self> {
        const SECTOR_BYTES: u64 = 512;
        let metadata = file.metadata()?;
        let is_sparse = metadata.blocks().saturating_mul(SECTOR_BYTES) < metadata.len();
        Ok(Self { file, position: 0, is_sparse })
    }
}

impl Source for FromFile<'_> {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let filled = fill(buffer, |rest, filled| self.file.read_at(rest, self.position + filled as u64))?;
        self.position += filled as u64;
        Ok(filled)
    }

    fn skip_hole(&mut self) -> io::Result<u64> {
        if !self.is_sparse {
            return Ok(0);
        }
        let data = match seek(self.file, SeekFrom::Data(self.position)) {
            Ok(data) => data,
            // No data follows: all that is left, if anything is, is a hole.
            Err(Errno::NXIO) => self.file.metadata()?.len(),
            // It is not told here where holes are.
            Err(_) => {
                self.is_sparse = false;
                return Ok(0);
            }
        };
        let skipped = data.saturating_sub(self.position);
        self.position += skipped;
        Ok(skipped)
    }
}

/// The bytes of a stream.
#[derive(Debug)]
pub struct FromStream<R>(pub R);

impl<R: Read> Source for FromStream<R> {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        fill(buffer, |rest, _| self.0.read(rest))
    }
}

/// Reads until the buffer is full or the end has come.
fn fill(buffer: &mut [u8], mut read: impl FnMut(&mut [u8], usize) -> io::Result<usize>) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read(&mut buffer[filled..], filled) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A new file. Zeros of a block or more are left out of it, and are holes where the file system has such.
#[derive(Debug)]
pub struct ToFile<'f> {
    file: &'f File,
    position: u64,
    /// How long the file is.
    length: u64,
}

impl<'f> ToFile<'f> {
    /// Into `file`, which is empty.
    pub const fn new(file: &'f File) -> Self {
        Self { file, position: 0, length: 0 }
    }
}

impl Sink for ToFile<'_> {
    fn data(&mut self, data: &[u8]) -> io::Result<()> {
        for run in data_runs(data) {
            let from = self.position + run.start as u64;
            self.length = from + run.len() as u64;
            self.file.write_all_at(&data[run], from)?;
        }
        self.position += data.len() as u64;
        Ok(())
    }

    fn zeros(&mut self, count: u64) -> io::Result<()> {
        self.position += count;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.position > self.length {
            self.file.set_len(self.position)?;
            self.length = self.position;
        }
        Ok(())
    }
}

/// A stream, to which zeros are written like anything else.
#[derive(Debug)]
pub struct ToStream<W>(pub W);

impl<W: Write> Sink for ToStream<W> {
    fn data(&mut self, data: &[u8]) -> io::Result<()> {
        self.0.write_all(data)
    }

    fn zeros(&mut self, count: u64) -> io::Result<()> {
        const ZEROS: [u8; 16 << 10] = [0; 16 << 10];
        let mut left = count;
        while left > 0 {
            let some = left.min(ZEROS.len() as u64);
            self.0.write_all(&ZEROS[..some as usize])?;
            left -= some;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The parts of `data` that are to be written: all but the blocks of zeros.
pub(crate) fn data_runs(data: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let is_hole = |from: usize| data.get(from..from + BLOCK_BYTES).is_some_and(is_zero);
    let mut next = 0;
    std::iter::from_fn(move || {
        while next < data.len() && is_hole(next) {
            next += BLOCK_BYTES;
        }
        let start = next;
        while next < data.len() && !is_hole(next) {
            next = (next + BLOCK_BYTES).min(data.len());
        }
        (start < next).then_some(start..next)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_are_all_but_blocks_of_zeros(
            blocks in prop::collection::vec(prop::bool::ANY, 0..12),
            tail in 0..BLOCK_BYTES,
        ) {
            let mut data: Vec<u8> = blocks.iter().flat_map(|used| vec![u8::from(*used); BLOCK_BYTES]).collect();
            data.extend(vec![0; tail]);
            let mut written = vec![9; data.len()];
            for run in data_runs(&data) {
                written[run.clone()].copy_from_slice(&data[run.clone()]);
                prop_assert!(run.start % BLOCK_BYTES == 0 && !run.is_empty());
            }
            for (block, used) in blocks.iter().enumerate() {
                let expected = if *used { 1 } else { 9 };
                prop_assert_eq!(written[block * BLOCK_BYTES], expected);
            }
            prop_assert!(written[data.len() - tail..].iter().all(|byte| *byte == 0));
            let used: Vec<_> = [false].into_iter().chain(blocks).chain([tail > 0]).collect();
            let starts = used.windows(2).filter(|pair| !pair[0] && pair[1]).count();
            prop_assert_eq!(data_runs(&data).count(), starts);
        }
    }

    /// A file of a mebibyte with data in two places, and a hole at its end.
    fn sparse() -> (File, Vec<u8>) {
        let file = tempfile::tempfile().unwrap();
        let mut bytes = vec![0; 1 << 20];
        for place in [0, 600_000] {
            bytes[place..place + 5].copy_from_slice(b"hello");
            file.write_all_at(b"hello", place as u64).unwrap();
        }
        file.set_len(bytes.len() as u64).unwrap();
        (file, bytes)
    }

    fn read_all(source: &mut dyn Source, step: usize) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let hole = source.skip_hole().unwrap() as usize;
            all.resize(all.len() + hole, 0);
            let mut buffer = vec![7; step];
            let count = source.fill(&mut buffer).unwrap();
            all.extend_from_slice(&buffer[..count]);
            if count < step {
                return all;
            }
        }
    }

    #[test]
    fn a_file_is_read_with_its_holes_and_written_with_them() {
        let (file, bytes) = sparse();
        for step in [1 << 12, 100_000, 1 << 21] {
            assert!(read_all(&mut FromFile::new(&file).unwrap(), step) == bytes);
        }
        let copy = tempfile::tempfile().unwrap();
        let mut sink = ToFile::new(&copy);
        sink.data(&bytes[..300_000]).unwrap();
        sink.data(&bytes[300_000..700_000]).unwrap();
        sink.zeros(bytes.len() as u64 - 700_000).unwrap();
        sink.finish().unwrap();
        assert!(read_all(&mut FromFile::new(&copy).unwrap(), 1 << 16) == bytes);
        let (stored, all) = (copy.metadata().unwrap().blocks(), file.metadata().unwrap().blocks());
        // In units of 512 bytes. A block of the file system may be larger than ours, and the halves were cut anywhere.
        assert!(stored <= all + 256 || all * 512 >= 1 << 20, "{stored} of {all}");
        let mut stream = ToStream(Vec::new());
        stream.data(&bytes[..700_000]).unwrap();
        stream.zeros(bytes.len() as u64 - 700_000).unwrap();
        stream.finish().unwrap();
        assert!(stream.0 == bytes);
    }

    #[test]
    fn a_file_is_read_to_the_end_it_has_then() {
        let (file, bytes) = sparse();
        let mut source = FromFile::new(&file).unwrap();
        let mut buffer = vec![0; 1 << 19];
        assert_eq!(source.fill(&mut buffer).unwrap(), buffer.len());
        file.set_len(700_000).unwrap();
        assert_eq!(
            source.skip_hole().unwrap() + source.fill(&mut buffer).unwrap() as u64,
            700_000 - (1 << 19)
        );
        let mut source = FromFile::new(&file).unwrap();
        file.set_len(2_000_000).unwrap();
        let all = read_all(&mut source, 1 << 16);
        assert!(all.len() == 2_000_000 && all[..700_000] == bytes[..700_000]);
    }
}
