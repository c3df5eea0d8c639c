//! The list of missing pieces behind a report: ranges, or a bitmap as long as what is listed, whichever is shorter.
//!
//! First a byte: 0 for ranges, each a first number and a count of four bytes; 1 for a bitmap, whose bit i, lowest first,
//! says that piece `from + i` is missing. A list that has no room in one packet goes in several, each with its own `from..to`.
use alloc::vec::Vec;

use bytes::Bytes;

use super::bitmap::Bitmap;
use crate::limits::REPORT_PACKETS_MAX;

const RANGES: u8 = 0;
const BITMAP: u8 = 1;
const RANGE_BYTES: usize = 8;

/// What is missing of `from..to`, in lists of at most `bytes_max` bytes: where each begins and ends, and the list. There are
/// no more of them than a report may have packets; what has no room is not listed.
pub(crate) fn lists(there: &Bitmap, from: u32, to: u32, bytes_max: usize) -> Vec<(u32, u32, Bytes)> {
    let room = bytes_max.saturating_sub(1).max(RANGE_BYTES);
    let mut all = Vec::new();
    let mut from = from;
    loop {
        let (end, list) = list(there, from, to, room);
        all.push((from, end, list));
        if end >= to || all.len() == REPORT_PACKETS_MAX {
            return all;
        }
        from = end;
    }
}

/// As much of what is missing of `from..to` as has room; and where that ends.
fn list(there: &Bitmap, from: u32, to: u32, room: usize) -> (u32, Bytes) {
    let ranges_max = room / RANGE_BYTES;
    let mut ranges = Vec::new();
    let mut end = from;
    while end < to {
        let first = there.next_missing(end).min(to);
        if first == to {
            end = to;
            break;
        }
        if ranges.len() == ranges_max {
            end = first;
            break;
        }
        end = there.next_present(first).min(to);
        ranges.push((first, end - first));
    }
    let mapped = to.min(from.saturating_add(u32::try_from(room).unwrap_or(u32::MAX).saturating_mul(8)));
    let bitmap_bytes = (mapped - from).div_ceil(8) as usize;
    // The one that says more; of two that say all, the shorter.
    if mapped > end || (mapped == end && bitmap_bytes < ranges.len() * RANGE_BYTES) {
        let mut bytes = Vec::with_capacity(1 + bitmap_bytes);
        bytes.push(BITMAP);
        bytes.resize(1 + bitmap_bytes, 0);
        let mut next = there.next_missing(from);
        while next < mapped {
            let place = next - from;
            bytes[1 + (place / 8) as usize] |= 1 << (place % 8);
            next = there.next_missing(next + 1);
        }
        return (mapped, bytes.into());
    }
    let mut bytes = Vec::with_capacity(1 + ranges.len() * RANGE_BYTES);
    bytes.push(RANGES);
    for (first, count) in ranges {
        bytes.extend_from_slice(&first.to_be_bytes());
        bytes.extend_from_slice(&count.to_be_bytes());
    }
    (end, bytes.into())
}

/// Calls `present` with every range of `from..to` that a list does not name as missing. False if it is no list.
pub(crate) fn missing_in(list: &[u8], from: u32, to: u32, mut present: impl FnMut(u32, u32)) -> bool {
    let Some((&coding, list)) = list.split_first() else { return from >= to };
    let mut next = from;
    let mut missing = |first: u32, count: u32| {
        let end = first.saturating_add(count);
        if first < next || end > to {
            return false;
        }
        if first > next {
            present(next, first);
        }
        next = end;
        true
    };
    match coding {
        RANGES if list.len().is_multiple_of(RANGE_BYTES) => {
            for range in list.chunks_exact(RANGE_BYTES) {
                let (first, count) = range.split_at(4);
                if !missing(be(first), be(count)) {
                    return false;
                }
            }
        }
        BITMAP if list.len() == (to.saturating_sub(from)).div_ceil(8) as usize => {
            for (place, byte) in list.iter().enumerate() {
                let mut bits = *byte;
                while bits != 0 {
                    let number = from + place as u32 * 8 + bits.trailing_zeros();
                    bits &= bits - 1;
                    if !missing(number, 1) {
                        return false;
                    }
                }
            }
        }
        _ => return false,
    }
    if next < to {
        present(next, to);
    }
    true
}

/// Callers have checked that there are four bytes.
fn be(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
}
