//! Small scenes as they look.
use super::scenes;
use crate::trace::Joined;
use crate::view::{Claim, Page, View, render};

fn look(joined: &Joined, view: View) -> String {
    let page = Page {
        title: "A scene".to_owned(),
        explanation: vec!["What is seen.".to_owned()],
        claims: vec![Claim { text: "It ran once.".to_owned(), held: true }],
        ..Page::default()
    };
    let text = String::from_utf8(render(joined, view, &page)).unwrap();
    // The style is the same in all pictures.
    match (text.split_once("<style>"), text.split_once("</style>")) {
        (Some((before, _)), Some((_, after))) => format!("{before}{after}"),
        _ => text,
    }
}

#[test]
fn a_lost_reply() {
    let scene = scenes::lost_reply("client", "drop=REP#1");
    insta::assert_snapshot!("lost_reply_text", look(&scene, View::Text));
    insta::assert_snapshot!("lost_reply_svg", look(&scene, View::Svg));
    insta::assert_snapshot!("lost_reply_mermaid", look(&scene, View::Mermaid));
    insta::assert_snapshot!("lost_reply_shiviz", look(&scene, View::Shiviz));
    insta::assert_snapshot!("lost_reply_json", look(&scene, View::Json));
}

#[test]
fn a_broadcast_a_lent_buffer_a_crash_and_a_pause() {
    let scene = scenes::located_and_crashed();
    insta::assert_snapshot!("crash_text", look(&scene, View::Text));
    insta::assert_snapshot!("crash_svg", look(&scene, View::Svg));
    insta::assert_snapshot!("crash_mermaid", look(&scene, View::Mermaid));
    insta::assert_snapshot!("crash_shiviz", look(&scene, View::Shiviz));
}
