//! Every kind of type through generated code: there and back, and its bytes.
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
#[path = "interfaces/kinds.rs"]
mod kinds;

use kinds::{
    Arrays, Colour, Everything, Expression, ExpressionBody, ExpressionBodyInner, Link, Node, Numbers, Verdict,
};
use sendrec_stubs::Bytes;
use sendrec_stubs::xdr::{DecodeError, Decoder, EncodeError, Encoder, Reason, Xdr};

use proptest::prelude::*;

fn bytes(value: &impl Xdr) -> Result<Bytes, EncodeError> {
    let mut out = Encoder::new();
    value.encode(&mut out)?;
    Ok(out.finish())
}

fn read<T: Xdr>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut input = Decoder::new(Bytes::copy_from_slice(bytes));
    T::decode(&mut input)
}

fn colours() -> impl Strategy<Value = Colour> {
    prop_oneof![Just(Colour::Red), Just(Colour::Green), Just(Colour::Blue)]
}

fn names() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..=4).prop_map(Bytes::from)
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let first = (any::<i32>(), any::<u32>(), any::<i64>(), any::<u64>(), -1e9_f32..1e9, -1e9_f64..1e9);
    let second = (any::<[u8; 16]>(), any::<bool>(), any::<i8>(), any::<u16>());
    (first, second).prop_map(|((a, b, c, d, e, f), (g, h, i, j))| Numbers { a, b, c, d, e, f, g, h, i, j })
}

fn arrays() -> impl Strategy<Value = Arrays> {
    let some = prop::collection::vec(any::<u8>(), 0..30).prop_map(Bytes::from);
    let named = prop::collection::vec(names(), 0..=3);
    let coloured = prop::collection::vec(colours(), 0..5);
    let parts = (
        any::<[u8; 20]>(),
        some,
        named,
        any::<[i32; 3]>(),
        coloured,
        prop::option::of(numbers()),
        any::<u8>(),
    );
    parts.prop_map(|(digest, some, names, three, colours, perhaps, fill)| Arrays {
        bytes: digest,
        some,
        names,
        three,
        colours,
        perhaps,
        large: Bytes::from(vec![fill; 5_000]),
    })
}

fn trees() -> impl Strategy<Value = Option<Box<Node>>> {
    let leaf = Just(None);
    leaf.prop_recursive(5, 20, 2, |inner| {
        (inner.clone(), any::<i32>(), inner)
            .prop_map(|(left, value, right)| Some(Box::new(Node { left, value, right })))
    })
}

fn expressions() -> impl Strategy<Value = Expression> {
    let inner = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|text| ExpressionBodyInner::True(text.into())),
        Just(ExpressionBodyInner::False),
    ];
    let body = (colours(), inner).prop_map(|(which, inner)| ExpressionBody { which, inner });
    let leaf = prop_oneof![
        any::<i32>().prop_map(Expression::Case0),
        body.prop_map(Expression::Case2),
        (3..99_i32, names()).prop_map(|(kind, name)| Expression::Default(kind, name)),
        Just(Expression::Case1(None)),
    ];
    leaf.prop_recursive(5, 10, 1, |inner| inner.prop_map(|inner| Expression::Minus1(Some(Box::new(inner)))))
}

fn everything() -> impl Strategy<Value = Everything> {
    let link = || any::<i32>().prop_map(|value| Link { value });
    let verdict = prop_oneof![
        any::<i64>().prop_map(Verdict::Red),
        Just(Verdict::Green),
        Just(Verdict::Default(Colour::Blue)),
    ];
    let chain = prop::collection::vec(link(), 1..5);
    let list = prop::collection::vec(link(), 0..5);
    let parts = (arrays(), chain, list, trees(), expressions(), verdict);
    parts.prop_map(|(all, chain, list, root, what, so)| Everything { all, chain, list, root, what, so })
}

proptest! {
    #[test]
    fn everything_comes_back(value in everything()) {
        let bytes = bytes(&value).unwrap();
        prop_assert_eq!(read::<Everything>(&bytes), Ok(value));
    }

    #[test]
    fn cut_or_flipped_bytes_are_an_error_or_another_value(
        value in everything(), cut in any::<prop::sample::Index>(), flip in any::<(prop::sample::Index, u8)>(),
    ) {
        let bytes = bytes(&value).unwrap();
        prop_assert!(read::<Everything>(&bytes[..cut.index(bytes.len())]).is_err());
        let mut flipped = bytes.to_vec();
        flipped[flip.0.index(bytes.len())] ^= flip.1;
        if let Ok(other) = read::<Everything>(&flipped) {
            let again = self::bytes(&other).unwrap();
            // Whatever is taken is canonical: only the bytes that were read come out again.
            prop_assert_eq!(&again[..], &flipped[..again.len()]);
        }
    }
}

#[test]
fn a_list_is_linked_on_the_wire() {
    let two = [Link { value: 7 }, Link { value: 8 }];
    let mut out = Encoder::new();
    out.list(&two, Xdr::encode).unwrap();
    assert_eq!(&out.finish()[..], b"\0\0\0\x01\0\0\0\x07\0\0\0\x01\0\0\0\x08\0\0\0\0");
    let mut out = Encoder::new();
    out.chain(&two, Xdr::encode).unwrap();
    assert_eq!(&out.finish()[..], b"\0\0\0\x07\0\0\0\x01\0\0\0\x08\0\0\0\0");
}

#[test]
fn values_without_a_name_and_bounds_are_kept() {
    assert_eq!(Colour::CYAN, Colour::Green);
    assert_eq!(bytes(&Colour::Green).unwrap()[..], (-2_i32).to_be_bytes());
    let unknown = read::<Colour>(&[0, 0, 0, 9]).unwrap_err().reason;
    assert_eq!(unknown, Reason::Unknown { value: 9, of: "colour" });
    let too_long = Expression::Default(5, Bytes::from_static(b"12345"));
    assert_eq!(bytes(&too_long), Err(EncodeError::TooLong { what: "bytes", length: 5, most: 4 }));
    assert_eq!(bytes(&Expression::Default(0, Bytes::new())), Err(EncodeError::Case));
    assert_eq!(bytes(&Verdict::Default(Colour::Red)), Err(EncodeError::Case));
}
