//! Writes the corpora anew: `cargo run --bin seeds` in this folder.
use std::fs;
use std::path::Path;

use sendrec_stubs::message::CallHeader;
use sendrec_stubs::xdr::{Encoder, Xdr};
use sendrec_stubs_fuzz::kinds::{
    Arrays, Colour, Everything, Expression, ExpressionBody, ExpressionBodyInner, Link, Node, Numbers,
    Verdict, kinds_1,
};

fn everything(full: bool) -> Everything {
    let numbers = Numbers { a: -1, b: 2, c: -3, d: 4, e: 0.5, f: -0.25, g: [7; 16], h: true, i: -8, j: 9 };
    let leaf = |value| Some(Box::new(Node { left: None, value, right: None }));
    let body =
        ExpressionBody { which: Colour::Blue, inner: ExpressionBodyInner::True(b"text".as_slice().into()) };
    Everything {
        all: Arrays {
            bytes: [1; 20],
            some: b"abcde".as_slice().into(),
            names: vec![b"abc".as_slice().into(); usize::from(full) * 3],
            three: [1, 2, 3],
            colours: vec![Colour::Red, Colour::Green],
            perhaps: full.then_some(numbers),
            large: vec![0; 5_000].into(),
        },
        chain: vec![Link { value: 1 }, Link { value: 2 }],
        list: vec![Link { value: 3 }; usize::from(full) * 4],
        root: full.then(|| Box::new(Node { left: leaf(1), value: 2, right: leaf(3) })),
        what: if full { Expression::Case2(body) } else { Expression::Case1(None) },
        so: if full { Verdict::Red(5) } else { Verdict::Default(Colour::Blue) },
    }
}

fn bytes(parts: &[&dyn Fn(&mut Encoder)]) -> Vec<u8> {
    let mut out = Encoder::new();
    parts.iter().for_each(|part| part(&mut out));
    out.finish().to_vec()
}

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let put = |target: &str, name: &str, bytes: &[u8]| fs::write(corpus.join(target).join(name), bytes);
    let encode = |value: Everything| move |out: &mut Encoder| value.encode(out).unwrap();
    put("value", "full", &bytes(&[&encode(everything(true))]))?;
    put("value", "spare", &bytes(&[&encode(everything(false))]))?;
    put("value", "short", &bytes(&[&encode(everything(true))])[..99])?;
    let header = |procedure, version| {
        move |out: &mut Encoder| {
            let program = kinds_1::PROGRAM;
            CallHeader { xid: 7, program, version, procedure, ..CallHeader::default() }.encode(out).unwrap();
        }
    };
    let links = |out: &mut Encoder| out.chain(&[Link { value: 1 }, Link { value: 2 }], Xdr::encode).unwrap();
    put("call", "null", &bytes(&[&header(0, 1)]))?;
    put("call", "echo", &bytes(&[&header(1, 1), &encode(everything(false))]))?;
    put("call", "reverse", &bytes(&[&header(2, 1), &links]))?;
    put("call", "garbage", &bytes(&[&header(2, 1)]))?;
    put("call", "no-procedure", &bytes(&[&header(3, 1)]))?;
    put("call", "no-version", &bytes(&[&header(1, 9)]))?;
    put("call", "other-protocol", &[0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 3])?;
    put("call", "a-reply", &[0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0])?;
    // The interfaces of ../tests are seeds too, where they stand.
    put(
        "interface",
        "conditions.x",
        b"#define A 1\n#if defined(A) && (A >= 1 || !B)\nconst C = A;\n#else\n%no\n#endif\n",
    )
}
