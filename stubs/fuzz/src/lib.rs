//! What the fuzz targets run, and the stable tests over their corpora too.
#[rustfmt::skip]
#[allow(dead_code, unreachable_pub)]
#[path = "../../tests/interfaces/kinds.rs"]
pub mod kinds;

use kinds::{Everything, Link, kinds_1};
use sendrec_stubs::message::parse_reply;
use sendrec_stubs::xdr::{Decoder, Encoder, Limits, Xdr};
use sendrec_stubs::{Bytes, Context, Refusal, Services};

/// A value that is taken comes out the same.
pub fn value(bytes: &[u8]) {
    let limits = Limits { elements: 10_000, ..Limits::default() };
    let mut input = Decoder::with_limits(Bytes::copy_from_slice(bytes), limits);
    if let Ok(value) = Everything::decode(&mut input) {
        let taken = bytes.len() - input.remaining();
        let mut out = Encoder::new();
        value.encode(&mut out).expect("what was taken is within its bounds");
        assert_eq!(&out.finish()[..], &bytes[..taken]);
    }
}

struct Echo;

impl kinds_1::Server for Echo {
    fn echo(&self, _: &Context<'_>, argument: Everything) -> Result<Everything, Refusal> {
        Ok(argument)
    }

    fn reverse(&self, _: &Context<'_>, mut argument: Vec<Link>) -> Result<Vec<Link>, Refusal> {
        argument.reverse();
        Ok(argument)
    }
}

/// What is answered is answered with a reply.
pub fn call(bytes: &[u8]) {
    let services = Services::new().with(kinds_1::Dispatch(Echo));
    if let Some(answer) = services.answer(Bytes::copy_from_slice(bytes)) {
        let (xid, _) = parse_reply(&mut Decoder::new(answer)).expect("a reply");
        assert_eq!(xid.to_be_bytes(), bytes[..4]);
    }
}

/// Whatever is compiled comes to an end.
pub fn interface(bytes: &[u8]) {
    let open = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let text = String::from_utf8_lossy(bytes);
    let _ = sendrec_idl::compile_with("any.x".as_ref(), &text, &sendrec_idl::Options::default(), &open);
}
