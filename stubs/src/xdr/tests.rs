//! Known answers worked out from RFC 4506's definitions, and properties for all.
use bytes::Bytes;
use proptest::prelude::*;

use super::{DecodeError, Decoder, EncodeError, Encoder, Limits, Reason, Xdr};

fn bytes_of(put: impl FnOnce(&mut Encoder) -> Result<(), EncodeError>) -> Vec<u8> {
    let mut out = Encoder::new();
    put(&mut out).unwrap();
    out.finish().to_vec()
}

fn taken<T>(bytes: &[u8], take: impl FnOnce(&mut Decoder) -> Result<T, DecodeError>) -> Result<T, Reason> {
    let mut input = Decoder::new(Bytes::copy_from_slice(bytes));
    let value = take(&mut input).map_err(|error| error.reason)?;
    assert_eq!(input.remaining(), 0, "it took too little");
    Ok(value)
}

/// A value is as it is on the wire, and comes back from there.
fn is<T: Xdr + PartialEq + std::fmt::Debug>(value: T, wire: &[u8]) {
    assert_eq!(bytes_of(|out| value.encode(out)), wire);
    assert_eq!(taken(wire, T::decode), Ok(value));
}

#[test]
fn numbers_are_big_endian_in_units_of_four_bytes() {
    is(1_u32, &[0, 0, 0, 1]);
    is(-2_i32, &[0xff, 0xff, 0xff, 0xfe]);
    is(0x0102_0304_0506_0708_u64, &[1, 2, 3, 4, 5, 6, 7, 8]);
    is(-1_i64, &[0xff; 8]);
    is(1.0_f32, &[0x3f, 0x80, 0, 0]);
    is(-0.15625_f64, &[0xbf, 0xc4, 0, 0, 0, 0, 0, 0]);
    is(true, &[0, 0, 0, 1]);
    is(-5_i8, &[0xff, 0xff, 0xff, 0xfb]);
    is(0xfffe_u16, &[0, 0, 0xff, 0xfe]);
}

/// RFC 4506, section 7: the file "sillyprog" of user "john", 5 bytes of data.
#[test]
fn the_example_of_rfc_4506_has_the_bytes_it_shows() {
    let wire = bytes_of(|out| {
        out.string(b"sillyprog", 255)?;
        2_i32.encode(out)?;
        out.string(b"lisp", 255)?;
        out.string(b"john", 32)?;
        out.opaque(b"(quit)", 65535)
    });
    let shown = b"\0\0\0\x09sillyprog\0\0\0\0\0\0\x02\0\0\0\x04lisp\0\0\0\x04john\0\0\0\x06(quit)\0\0";
    assert_eq!(wire, shown);
}

#[test]
fn what_is_not_canonical_is_refused() {
    assert_eq!(taken(&[0, 0, 0, 2], bool::decode), Err(Reason::Unknown { value: 2, of: "bool" }));
    assert_eq!(taken(&[0, 0, 1, 0], u8::decode), Err(Reason::Unknown { value: 256, of: "u8" }));
    assert_eq!(taken(b"\0\0\0\x01a\0\0\x01", |input| input.opaque(9)), Err(Reason::Padding));
    assert_eq!(taken(b"\0\0\0\x05abc", |input| input.opaque(9)), Err(Reason::Short { wanted: 8, left: 3 }));
    assert_eq!(
        taken(b"\0\0\0\x0aabc", |input| input.opaque(9)),
        Err(Reason::TooLong { length: 10, most: 9 })
    );
    assert_eq!(taken(b"\0\0", u32::decode), Err(Reason::Short { wanted: 4, left: 2 }));
}

#[test]
fn a_length_on_the_wire_allocates_nothing() {
    let huge = [0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4];
    assert!(matches!(taken(&huge, |input| input.opaque(u32::MAX)), Err(Reason::Short { .. })));
    assert!(matches!(taken(&huge, |input| input.array(u32::MAX, u32::decode)), Err(Reason::Short { .. })));
    let nothing = |input: &mut Decoder| input.array(u32::MAX, |_| Ok(()));
    let mut input = Decoder::new(Bytes::copy_from_slice(&huge));
    assert_eq!(nothing(&mut input).unwrap_err().reason, Reason::Many(1 << 24));
}

/// A structure with an optional one of its kind that is not its tail.
#[derive(Debug)]
struct Deep(Option<Box<Deep>>, u32);

impl Xdr for Deep {
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.optional(&self.0, |item, out| item.encode(out))?;
        self.1.encode(out)
    }

    fn decode(input: &mut Decoder) -> Result<Self, DecodeError> {
        Ok(Self(input.optional(|input| Self::decode(input).map(Box::new))?, Xdr::decode(input)?))
    }
}

#[test]
fn a_hundred_thousand_nested_nodes_are_an_error_and_as_many_linked_ones_are_not() {
    let nested = [0, 0, 0, 1].repeat(100_000);
    assert_eq!(taken(&nested, Deep::decode).unwrap_err(), Reason::Deep(100));
    let items: Vec<u32> = (0..100_000).collect();
    let linked = bytes_of(|out| out.list(&items, Xdr::encode));
    assert_eq!(taken(&linked, |input| input.list(u32::decode)), Ok(items.clone()));
    let chained = bytes_of(|out| out.chain(&items, Xdr::encode));
    assert_eq!(chained.len() + 4, linked.len());
    assert_eq!(taken(&chained, |input| input.chain(u32::decode)), Ok(items));
    assert_eq!(Encoder::new().chain(&[], u32::encode), Err(EncodeError::EmptyList));
}

#[test]
fn a_tail_is_an_error_only_where_limits_are_strict() {
    for (is_strict, expected) in [(false, Ok(())), (true, Err(Reason::Tail(4)))] {
        let limits = Limits { is_strict, ..Limits::default() };
        let mut input = Decoder::with_limits(Bytes::from_static(&[0; 8]), limits);
        u32::decode(&mut input).unwrap();
        assert_eq!(input.end().map_err(|error| error.reason), expected);
    }
}

#[test]
fn bounds_are_checked_on_the_way_out() {
    let mut out = Encoder::new();
    assert_eq!(out.opaque(&[0; 9], 8), Err(EncodeError::TooLong { what: "bytes", length: 9, most: 8 }));
    let array = out.array(&[1_u32, 2], 1, Xdr::encode);
    assert_eq!(array, Err(EncodeError::TooLong { what: "elements", length: 2, most: 1 }));
    assert_eq!(out.exactly(&[0; 3], 4), Err(EncodeError::Length { what: "bytes", length: 3, exactly: 4 }));
}

proptest! {
    #[test]
    fn numbers_come_back(a: u32, b: i32, c: u64, d: i64, e: i8, f: u8, g: i16, h: u16, i: bool) {
        let wire = bytes_of(|out| {
            a.encode(out).and(b.encode(out)).and(c.encode(out)).and(d.encode(out))?;
            e.encode(out).and(f.encode(out)).and(g.encode(out)).and(h.encode(out)).and(i.encode(out))
        });
        prop_assert_eq!(wire.len(), 2 * 4 + 2 * 8 + 5 * 4);
        let all = |input: &mut Decoder| {
            let first = (u32::decode(input)?, i32::decode(input)?, u64::decode(input)?, i64::decode(input)?);
            let second = (i8::decode(input)?, u8::decode(input)?, i16::decode(input)?, u16::decode(input)?);
            Ok((first, second, bool::decode(input)?))
        };
        prop_assert_eq!(taken(&wire, all), Ok(((a, b, c, d), (e, f, g, h), i)));
    }

    #[test]
    fn floats_come_back_bit_by_bit(a: u32, b: u64) {
        let (single, double) = (f32::from_bits(a), f64::from_bits(b));
        let wire = bytes_of(|out| { single.encode(out)?; double.encode(out) });
        let both = |input: &mut Decoder| Ok((f32::decode(input)?.to_bits(), f64::decode(input)?.to_bits()));
        prop_assert_eq!(taken(&wire, both), Ok((a, b)));
    }

    #[test]
    fn bytes_come_back_and_share_the_messages_memory(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let wire = bytes_of(|out| out.opaque(&bytes, 40));
        prop_assert_eq!(wire.len() % 4, 0);
        let message = Bytes::from(wire);
        let range = message.as_ptr_range();
        let back = Decoder::new(message.clone()).opaque(40).unwrap();
        prop_assert_eq!(&back[..], &bytes[..]);
        prop_assert!(back.is_empty() || range.contains(&back.as_ptr()));
        if bytes.len() < 40 {
            let shorter = Decoder::new(message).opaque(bytes.len().saturating_sub(1) as u32);
            prop_assert_eq!(shorter.is_err(), !bytes.is_empty());
        }
    }

    #[test]
    fn arrays_and_optionals_come_back(items in prop::collection::vec(prop::option::of(any::<u16>()), 0..20)) {
        let each = |item: &Option<u16>, out: &mut Encoder| out.optional(item, Xdr::encode);
        let wire = bytes_of(|out| out.array(&items, 20, each));
        let back = taken(&wire, |input| input.array(20, |input| input.optional(u16::decode)));
        prop_assert_eq!(back, Ok(items));
    }

    #[test]
    fn whatever_comes_in_is_an_error_or_a_value_that_goes_out_the_same(
        bytes in prop::collection::vec(prop_oneof![3 => Just(0_u8), 1 => 0..4_u8, 1 => any::<u8>()], 0..200),
    ) {
        let mut input = Decoder::new(Bytes::from(bytes.clone()));
        let each = |input: &mut Decoder| input.optional(|input| input.string(5));
        if let Ok(items) = input.array(50, each) {
            let taken = bytes.len() - input.remaining();
            let each = |item: &Option<Bytes>, out: &mut Encoder| out.optional(item, |item, out| out.string(item, 5));
            let again = bytes_of(|out| out.array(&items, 50, each));
            prop_assert_eq!(&again[..], &bytes[..taken]);
        }
    }
}
